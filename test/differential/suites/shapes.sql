# What else clients send: star forms, limits, constants, hints, odd names, errors, locks, views, big values
SELECT * FROM region ORDER BY id
SELECT * FROM cust ORDER BY id LIMIT 3
SELECT *, id + 1 FROM cust ORDER BY id LIMIT 3
SELECT id, cust.* FROM cust ORDER BY id LIMIT 3
SELECT cust.*, cust.id FROM cust ORDER BY 1 LIMIT 2
SELECT c.* FROM cust AS c WHERE c.id = 9
SELECT * FROM nil
SELECT * FROM cust WHERE 1 = 0
SELECT * FROM cust LIMIT 0
SELECT id FROM cust ORDER BY id LIMIT 0
SELECT id FROM cust ORDER BY id LIMIT 5, 0
SELECT id FROM cust ORDER BY id LIMIT 3 OFFSET 48
SELECT id FROM cust ORDER BY id LIMIT 3 OFFSET 500
SELECT id FROM cust ORDER BY id LIMIT 18446744073709551615 OFFSET 46
SELECT id FROM cust ORDER BY id LIMIT 1000000
SELECT id FROM cust ORDER BY id DESC LIMIT 1
SELECT id FROM cust WHERE id > 10 ORDER BY id LIMIT 4
SELECT id FROM cust ORDER BY id FETCH FIRST 3 ROWS ONLY
SELECT id, region_id FROM cust ORDER BY region_id DESC FETCH FIRST 2 ROWS WITH TIES
SELECT id FROM cust ORDER BY id OFFSET 45 ROWS
SELECT id AS `odd name`, name AS 'quoted' FROM cust ORDER BY `odd name` LIMIT 2
SELECT id AS id2, id2.x FROM cust JOIN (SELECT 1 AS x) id2 ORDER BY id LIMIT 2
SELECT id name, name id FROM cust ORDER BY id, cust.id LIMIT 4
SELECT -id AS id FROM cust ORDER BY id LIMIT 3
SELECT -id AS id FROM cust ORDER BY cust.id LIMIT 3
SELECT -id AS id FROM cust ORDER BY id + 0, cust.id LIMIT 3
SELECT id, name FROM cust ORDER BY 2, 1 LIMIT 5
SELECT id, credit * 2 AS c2 FROM cust ORDER BY c2 DESC LIMIT 3
SELECT id FROM cust ORDER BY credit * -1, id LIMIT 3
SELECT id FROM cust ORDER BY tier, id LIMIT 20
SELECT id FROM cust ORDER BY tier = 'gold' DESC, id LIMIT 20
SELECT id FROM cust ORDER BY FIELD(tier, 'silver', 'gold'), id LIMIT 20
SELECT id FROM cust ORDER BY CASE WHEN region_id IS NULL THEN 99 ELSE region_id END, id
SELECT id FROM cust ORDER BY NULL
SELECT id FROM cust ORDER BY name COLLATE utf8mb4_bin, id LIMIT 10
SELECT id FROM cust ORDER BY LENGTH(name), id LIMIT 10
SELECT id FROM cust ORDER BY joined DESC, id LIMIT 10
SELECT name FROM cust ORDER BY id
SELECT 1 FROM cust
SELECT 1, 'a', NULL FROM cust WHERE id IN (1, 2)
SELECT 'a' 'b', 1.50, 1e3, 0x41, b'101', TRUE, NULL, DATE'2024-01-01' FROM cust WHERE id = 1
SELECT 1
SELECT 1 + 1 AS two, 'x'
SELECT 1 FROM DUAL
SELECT 1 FROM DUAL WHERE 1 = 0
SELECT 1 WHERE 1 = 1
SELECT 1 LIMIT 0
SELECT COUNT(*)
SELECT MAX(5), COUNT(*) FROM DUAL
SELECT SQL_NO_CACHE id FROM cust WHERE id < 3 ORDER BY id
SELECT SQL_SMALL_RESULT tier, COUNT(*) FROM cust GROUP BY tier ORDER BY tier
SELECT SQL_BIG_RESULT tier, COUNT(*) FROM cust GROUP BY tier ORDER BY tier
SELECT SQL_BUFFER_RESULT id FROM cust WHERE id < 3 ORDER BY id
SELECT HIGH_PRIORITY id FROM cust WHERE id < 3 ORDER BY id
SELECT ALL id FROM cust WHERE id < 3 ORDER BY id
SELECT id FROM cust USE INDEX (name) WHERE name = 'ann' ORDER BY id
SELECT id FROM cust IGNORE INDEX (name) ORDER BY id LIMIT 2
SELECT id FROM cust FORCE INDEX (PRIMARY) ORDER BY id LIMIT 2
SELECT c.id, COUNT(*) FROM cust c FORCE INDEX (PRIMARY) JOIN ord o USE INDEX (cust) ON o.cust_id = c.id GROUP BY c.id ORDER BY 1 LIMIT 4
SELECT /*+ NO_INDEX_MERGE(cust) */ id FROM cust ORDER BY id LIMIT 2
SELECT id /* a comment */ FROM cust -- another
SELECT id FROM cust WHERE id < 4 ORDER BY id FOR UPDATE
SELECT id FROM cust WHERE id = 4 FOR UPDATE
SELECT COUNT(*) FROM cust FOR UPDATE
SELECT id FROM cust WHERE id < 4 ORDER BY id LOCK IN SHARE MODE
SELECT c.id FROM cust c JOIN ord o ON o.cust_id = c.id WHERE c.id < 4 ORDER BY o.id FOR UPDATE
SELECT id FROM nope
SELECT nope FROM cust
SELECT cust.nope FROM cust
SELECT nope.id FROM cust
SELECT nope.* FROM cust
SELECT id FROM cust WHERE nope = 1
SELECT id FROM cust ORDER BY nope
SELECT NOPE(id) FROM cust
SELECT LEFT(id) FROM cust
SELECT id FROM cust WHERE MAX(id) = 1
SELECT id, id FROM cust WHERE
SELECT FROM cust
SELECT (SELECT nope FROM ord WHERE ord.cust_id = cust.id LIMIT 1) FROM cust
SELECT id FROM cust WHERE id = 1 AND name = 'x' OR id = 2
SELECT id FROM cust WHERE (id = 1 OR id = 2) AND region_id IS NOT NULL ORDER BY id
SELECT id FROM cust WHERE id IN (1, 2, 3) AND id NOT IN (2) ORDER BY id
SELECT id FROM cust WHERE id = '7'
SELECT id FROM cust WHERE id = '7abc'
SELECT id FROM cust WHERE id = 7.0
SELECT id FROM cust WHERE id = 7.5
SELECT id FROM cust WHERE id = 'x'
SELECT id FROM cust WHERE id IN ('7', 8, '9x') ORDER BY id
SELECT id FROM cust WHERE NOT id
SELECT id FROM cust WHERE id & 1 AND id < 10 ORDER BY id
SELECT id FROM cust WHERE id DIV 10 = 2 ORDER BY id
SELECT id FROM cust WHERE 5 > id ORDER BY id
SELECT id FROM cust WHERE 5 BETWEEN id AND parent + 4 ORDER BY id
SELECT id FROM cust WHERE name LIKE '%o%' ORDER BY id
SELECT id FROM cust WHERE CONCAT(name, id) LIKE 'b%4' ORDER BY id
SELECT id FROM cust WHERE LENGTH(name) = 3 ORDER BY id
SELECT id FROM cust WHERE joined > '2024-03-10' OR joined IS NULL ORDER BY id
SELECT id FROM cust WHERE tier IN ('gold', 'SILVER') ORDER BY id
SELECT id FROM cust WHERE tier = 1 ORDER BY id
SELECT id FROM cust WHERE (tier, region_id) IN (('gold', 1), ('silver', 2)) ORDER BY id
SELECT sku, title, price FROM dun.sku ORDER BY sku
SELECT * FROM dun.cheap ORDER BY sku
SELECT COUNT(*), SUM(half) FROM dun.cheap
SELECT h.sku, i.ord_id FROM dun.cheap h JOIN item i ON i.sku = h.sku ORDER BY i.ord_id, i.line
SELECT i.sku, s.cat, SUM(i.qty) FROM item i JOIN dun.sku s ON s.sku = i.sku GROUP BY i.sku, s.cat ORDER BY 1
SELECT s.cat, SUM(i.qty * i.price), COUNT(DISTINCT i.ord_id) FROM item i JOIN dun.sku s ON s.sku = i.sku GROUP BY s.cat ORDER BY 1
SELECT REPEAT('x', 1000), id FROM cust ORDER BY id LIMIT 2
SELECT LENGTH(REPEAT(name, 10000)) FROM cust ORDER BY id LIMIT 3
SELECT REPEAT(t, 3000) FROM txt ORDER BY id LIMIT 3
SELECT LENGTH(GROUP_CONCAT(REPEAT(name, 2000) ORDER BY id)) FROM cust
SELECT MD5(GROUP_CONCAT(t ORDER BY id)) FROM txt
SELECT id, SHA1(name), CRC32(name), TO_BASE64(name) FROM cust ORDER BY id LIMIT 5
SELECT INET_ATON('10.0.0.1') + id FROM cust ORDER BY id LIMIT 2
SELECT id, IF(id > 2, 'many', 'few'), IFNULL(parent, 0), NULLIF(region_id, 1) FROM cust ORDER BY id LIMIT 6
SELECT id, COALESCE(parent, region_id, 0), GREATEST(id, region_id), LEAST(credit, 100) FROM cust ORDER BY id LIMIT 6
SELECT CAST(credit AS SIGNED), CAST(id AS CHAR(5)), CAST(name AS BINARY), CONVERT(credit, DECIMAL(20, 4)) FROM cust ORDER BY id LIMIT 6
SELECT @a := 5, id FROM cust WHERE id = 3
SELECT id FROM cust WHERE id = @undefined
SELECT @undefined, id FROM cust ORDER BY id LIMIT 2
SELECT id, name FROM cust WHERE name = BINARY 'Bob' ORDER BY id
SELECT DATABASE() IS NOT NULL, id FROM cust WHERE id = 1
SELECT id FROM cust PROCEDURE ANALYSE()
SELECT id FROM cust WHERE id > 0 AND 1 / 0 IS NULL ORDER BY id LIMIT 4
SELECT 1 / 0, 5 % 0 FROM cust WHERE id < 5
SELECT 'abc' + 1 FROM cust WHERE id < 5
SELECT id FROM cust WHERE name + 0 = 0 AND id < 4 ORDER BY id
SELECT CAST('abc' AS SIGNED), CAST('2024-99-99' AS DATE)
SELECT id, CAST(name AS SIGNED) FROM cust WHERE id < 3 ORDER BY id
# A plus before a column or a constant is none of its name.
SELECT + region_id, COUNT(*) FROM ord GROUP BY region_id ORDER BY 1
SELECT ( + ord.id ), + 'x', ( 'x' ), + 5, - 5, + NULL FROM ord ORDER BY 1 LIMIT 1
SELECT + region_id FROM ord UNION SELECT 1 ORDER BY 1
SELECT x.id FROM (SELECT + id FROM ord WHERE id = 1001) x
