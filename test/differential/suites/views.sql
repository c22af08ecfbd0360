# Views, in the sharded keyspace and in the unsharded one
SELECT * FROM big_ord ORDER BY id
SELECT COUNT(*), SUM(total) FROM big_ord
SELECT * FROM big_ord WHERE cust_id = 7 ORDER BY id
SELECT cust_id, COUNT(*) FROM big_ord GROUP BY cust_id ORDER BY cust_id
SELECT v.id, c.name FROM big_ord v JOIN cust c ON c.id = v.cust_id ORDER BY v.id
SELECT c.id, v.id FROM cust c LEFT JOIN big_ord v ON v.cust_id = c.id ORDER BY 1, 2
SELECT id FROM big_ord WHERE total > (SELECT AVG(total) FROM big_ord) ORDER BY id
SELECT id FROM cust WHERE id IN (SELECT cust_id FROM big_ord) ORDER BY id
SELECT * FROM cust_sum ORDER BY cust_id
SELECT * FROM cust_sum WHERE cust_id = 3
SELECT * FROM cust_sum WHERE n > 2 ORDER BY cust_id
SELECT n, COUNT(*) FROM cust_sum GROUP BY n ORDER BY n
SELECT MAX(n), SUM(total), AVG(total) FROM cust_sum
SELECT c.id, s.n FROM cust c LEFT JOIN cust_sum s ON s.cust_id = c.id ORDER BY c.id
SELECT c.id, s.total FROM cust c JOIN cust_sum s ON s.cust_id = c.id WHERE s.total > 90 ORDER BY s.total DESC, c.id LIMIT 5
SELECT * FROM cust_region ORDER BY id
SELECT region, COUNT(*) FROM cust_region GROUP BY region ORDER BY region
SELECT * FROM cust_region WHERE region = 'east' ORDER BY id
SELECT v.id, v.region, s.n FROM cust_region v LEFT JOIN cust_sum s ON s.cust_id = v.id ORDER BY v.id LIMIT 10
SELECT v.* FROM cust_region v WHERE v.id IN (1, 2, 3) ORDER BY v.id
SELECT nope FROM cust_region
SELECT h.sku FROM dun.cheap h LEFT JOIN item i ON i.sku = h.sku WHERE i.sku IS NULL ORDER BY h.sku
SELECT id FROM big_ord UNION SELECT cust_id FROM cust_sum ORDER BY 1
SELECT id, ROW_NUMBER() OVER (PARTITION BY cust_id ORDER BY id) FROM big_ord ORDER BY id
WITH a AS (SELECT * FROM cust_sum) SELECT COUNT(*) FROM a JOIN big_ord b ON b.cust_id = a.cust_id
