-- Keyspace commerce: one shard. Products, and the sequences that number the rows of keyspace customer.

CREATE TABLE product (
  sku VARCHAR(32) NOT NULL,
  description VARCHAR(255) NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  PRIMARY KEY (sku)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- A sequence has one row: next_id is the next number nobody has taken, cache how many are taken at a time.
CREATE TABLE customer_seq (
  id INT NOT NULL,
  next_id BIGINT NOT NULL,
  cache BIGINT NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB COMMENT='vitess_sequence';

CREATE TABLE corder_seq (
  id INT NOT NULL,
  next_id BIGINT NOT NULL,
  cache BIGINT NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB COMMENT='vitess_sequence';

CREATE TABLE order_item_seq (
  id INT NOT NULL,
  next_id BIGINT NOT NULL,
  cache BIGINT NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB COMMENT='vitess_sequence';

CREATE TABLE message_seq (
  id INT NOT NULL,
  next_id BIGINT NOT NULL,
  cache BIGINT NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB COMMENT='vitess_sequence';

-- The demo rows take the numbers below 1,000,000.
INSERT INTO customer_seq (id, next_id, cache) VALUES (0, 1000000, 1000);
INSERT INTO corder_seq (id, next_id, cache) VALUES (0, 1000000, 1000);
INSERT INTO order_item_seq (id, next_id, cache) VALUES (0, 1000000, 1000);
INSERT INTO message_seq (id, next_id, cache) VALUES (0, 1000000, 1000);
