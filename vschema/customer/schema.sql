-- Keyspace customer: sharded. A customer's row, orders and order items share customer_id, so they lie on one shard and
-- are joined there. Messages lie with their room, whatever its letter case or accents.

CREATE TABLE customer (
  customer_id BIGINT NOT NULL,
  name VARCHAR(128) NOT NULL,
  email VARCHAR(128) NOT NULL,
  country CHAR(2) NOT NULL,
  created_at DATETIME NOT NULL,
  PRIMARY KEY (customer_id),
  KEY email (email)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE corder (
  order_id BIGINT NOT NULL,
  customer_id BIGINT NOT NULL,
  status ENUM('new', 'paid', 'shipped', 'returned') NOT NULL,
  total DECIMAL(12,2) NOT NULL,
  ordered_at DATETIME NOT NULL,
  PRIMARY KEY (order_id),
  KEY customer_id (customer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE order_item (
  order_item_id BIGINT NOT NULL,
  order_id BIGINT NOT NULL,
  customer_id BIGINT NOT NULL,
  sku VARCHAR(32) NOT NULL,
  quantity INT NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  PRIMARY KEY (order_item_id),
  KEY order_id (order_id),
  KEY customer_id (customer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE messages (
  message_id BIGINT NOT NULL,
  room VARCHAR(64) NOT NULL,
  customer_id BIGINT NOT NULL,
  body TEXT NOT NULL,
  sent_at DATETIME NOT NULL,
  PRIMARY KEY (message_id),
  KEY room (room)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
