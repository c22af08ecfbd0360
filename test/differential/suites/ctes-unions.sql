# WITH, recursion, UNION, INTERSECT, EXCEPT, VALUES
WITH a AS (SELECT id, tier FROM cust) SELECT tier, COUNT(*) FROM a GROUP BY tier ORDER BY tier
WITH a AS (SELECT cust_id, SUM(total) AS s FROM ord GROUP BY cust_id) SELECT c.id, a.s FROM cust c JOIN a ON a.cust_id = c.id WHERE a.s > 50 ORDER BY c.id
WITH a AS (SELECT cust_id, SUM(total) AS s FROM ord GROUP BY cust_id), b AS (SELECT MAX(s) AS m FROM a) SELECT a.cust_id FROM a JOIN b ON a.s = b.m ORDER BY 1
WITH a AS (SELECT * FROM cust WHERE tier = 'gold') SELECT x.id, y.id FROM a x JOIN a y ON y.region_id = x.region_id AND y.id > x.id ORDER BY 1, 2
WITH a (p, q) AS (SELECT id, name FROM cust) SELECT p FROM a WHERE q LIKE 'b%' ORDER BY p
WITH a AS (SELECT 1 AS x UNION ALL SELECT 2) SELECT c.id, a.x FROM cust c JOIN a ON a.x = c.id ORDER BY 1
WITH cust AS (SELECT id FROM ord) SELECT COUNT(*) FROM cust
WITH region AS (SELECT id, name FROM cust WHERE id < 4) SELECT * FROM region ORDER BY id
WITH a AS (SELECT id FROM cust), b AS (SELECT id FROM a WHERE id > 40) SELECT (SELECT COUNT(*) FROM a), (SELECT COUNT(*) FROM b)
WITH a AS (SELECT id FROM cust) SELECT id FROM ord WHERE cust_id IN (SELECT id FROM a WHERE id < 5) ORDER BY id
WITH a AS (SELECT id FROM cust ORDER BY credit DESC, id LIMIT 3) SELECT * FROM a ORDER BY id
SELECT * FROM (WITH a AS (SELECT id FROM cust WHERE id < 3) SELECT * FROM a) q ORDER BY id
SELECT id FROM cust WHERE id IN (WITH a AS (SELECT cust_id FROM ord WHERE total > 90) SELECT cust_id FROM a) ORDER BY id
WITH a AS (SELECT id FROM cust) SELECT id FROM a UNION SELECT cust_id FROM ord ORDER BY id
WITH unused AS (SELECT * FROM ord) SELECT COUNT(*) FROM cust
WITH a AS (SELECT nope FROM cust) SELECT 1 FROM a
WITH RECURSIVE n AS (SELECT 1 AS v UNION ALL SELECT v + 1 FROM n WHERE v < 5) SELECT v FROM n ORDER BY v
WITH RECURSIVE n AS (SELECT 1 AS v UNION ALL SELECT v + 1 FROM n WHERE v < 5) SELECT n.v, c.name FROM n JOIN cust c ON c.id = n.v ORDER BY n.v
WITH RECURSIVE up AS (SELECT id, parent FROM cust WHERE id = 40 UNION SELECT c.id, c.parent FROM cust c JOIN up ON c.id = up.parent) SELECT * FROM up ORDER BY id
WITH RECURSIVE down AS (SELECT id, 1 AS lvl FROM cust WHERE id = 1 UNION ALL SELECT c.id, d.lvl + 1 FROM cust c JOIN down d ON c.parent = d.id WHERE c.id <> d.id AND d.lvl < 6) SELECT lvl, COUNT(*) FROM down GROUP BY lvl ORDER BY lvl
SELECT id FROM cust UNION SELECT cust_id FROM ord ORDER BY id
SELECT id FROM cust UNION ALL SELECT cust_id FROM ord ORDER BY 1 LIMIT 20
SELECT id FROM cust UNION ALL SELECT id FROM cust ORDER BY id DESC LIMIT 7 OFFSET 3
SELECT region_id FROM cust UNION SELECT region_id FROM ord UNION SELECT id FROM region ORDER BY 1
SELECT region_id FROM cust UNION ALL SELECT region_id FROM ord UNION SELECT id FROM region ORDER BY 1
SELECT region_id FROM cust UNION SELECT region_id FROM ord UNION ALL SELECT id FROM region ORDER BY 1
(SELECT id FROM cust ORDER BY id LIMIT 3) UNION ALL (SELECT id FROM cust ORDER BY id DESC LIMIT 3) ORDER BY id
(SELECT id FROM cust ORDER BY credit DESC, id LIMIT 3) UNION (SELECT cust_id FROM ord ORDER BY total DESC, id LIMIT 3) ORDER BY 1 LIMIT 4
(SELECT id FROM cust WHERE id = 1) UNION (SELECT id FROM cust WHERE id = 2)
SELECT id FROM cust WHERE id = 1 UNION ALL SELECT id FROM cust WHERE id = 1
SELECT id FROM cust WHERE id = 1 UNION ALL SELECT cust_id FROM ord WHERE cust_id = 1
SELECT 1 UNION SELECT id FROM cust WHERE id < 4 ORDER BY 1
SELECT 'a' AS k, COUNT(*) FROM cust UNION ALL SELECT 'b', COUNT(*) FROM ord ORDER BY k
SELECT COUNT(*) FROM cust UNION SELECT COUNT(*) FROM ord UNION SELECT COUNT(*) FROM nil ORDER BY 1
SELECT id, name FROM cust WHERE id < 3 UNION SELECT id, name FROM region ORDER BY 1, 2
SELECT id FROM cust INTERSECT SELECT cust_id FROM ord ORDER BY 1
SELECT cust_id FROM ord INTERSECT ALL SELECT cust_id FROM item ORDER BY 1
SELECT id FROM cust EXCEPT SELECT cust_id FROM ord ORDER BY 1
SELECT cust_id FROM ord EXCEPT ALL SELECT cust_id FROM item ORDER BY 1
SELECT cust_id FROM ord EXCEPT SELECT id FROM cust UNION SELECT 7 ORDER BY 1
SELECT id FROM cust WHERE id < 10 UNION SELECT id FROM cust WHERE id > 45 INTERSECT SELECT cust_id FROM ord ORDER BY 1
(SELECT id FROM cust UNION SELECT cust_id FROM ord) INTERSECT SELECT parent FROM cust ORDER BY 1
SELECT i FROM num UNION SELECT d FROM num ORDER BY 1
SELECT i FROM num UNION SELECT g FROM txt
SELECT ti FROM num UNION SELECT bu FROM num ORDER BY 1
SELECT d FROM num UNION ALL SELECT db FROM num ORDER BY 1 LIMIT 30
SELECT NULL AS x UNION SELECT joined FROM cust ORDER BY x
SELECT id FROM cust UNION SELECT id, name FROM cust
SELECT id FROM cust UNION SELECT id FROM ord ORDER BY nope
SELECT * FROM (SELECT id FROM cust UNION ALL SELECT id FROM ord) q WHERE id IN (1, 1001) ORDER BY id
SELECT q.id, COUNT(*) FROM (SELECT cust_id AS id FROM ord UNION ALL SELECT cust_id FROM item) q GROUP BY q.id ORDER BY COUNT(*) DESC, q.id LIMIT 5
SELECT c.id, q.k FROM cust c JOIN (SELECT cust_id, 'o' AS k FROM ord UNION SELECT cust_id, 'i' FROM item) q ON q.cust_id = c.id ORDER BY 1, 2
SELECT id FROM cust WHERE id IN (SELECT cust_id FROM ord UNION SELECT boss FROM region) ORDER BY id
SELECT id FROM cust c WHERE EXISTS (SELECT 1 FROM ord o WHERE o.cust_id = c.id UNION SELECT 1 FROM region r WHERE r.boss = c.id) ORDER BY id
SELECT sku FROM item UNION SELECT sku FROM dun.sku ORDER BY sku
SELECT sku FROM dun.sku EXCEPT SELECT sku FROM item ORDER BY sku
SELECT id FROM cust LIMIT 0 UNION SELECT 1
(SELECT id FROM cust LIMIT 0) UNION (SELECT 1)
VALUES (1, 'a'), (2, 'b')
SELECT * FROM (VALUES (1, 2), (3, 4)) v
WITH v (x, y) AS (VALUES (1, 'a'), (2, 'b')) SELECT c.id, v.y FROM cust c JOIN v ON v.x = c.id ORDER BY 1
# What nothing names has to be right all the same.
WITH w AS (SELECT 1 FROM dun.cheap GROUP BY -1) SELECT id FROM cust WHERE id < 5 ORDER BY id
WITH w AS (SELECT nothing FROM ord) SELECT id FROM cust WHERE id < 5 ORDER BY name, id
# A NULL takes the type of what it stands beside.
SELECT e FROM txt UNION ALL SELECT NULL ORDER BY 1
SELECT NULL, s FROM txt UNION SELECT e, NULL FROM txt ORDER BY 1, 2
SELECT b FROM num UNION SELECT NULL ORDER BY 1
SELECT NAME_CONST('five', 5), id FROM ord ORDER BY id LIMIT 1
# INTERSECT binds tighter by itself: MariaDB takes INTERSECT ALL in parentheses for INTERSECT there.
SELECT 1.5e0 FROM cust c LEFT JOIN dun.cal d ON c.id = d.week INTERSECT ALL SELECT n.f FROM txt t LEFT JOIN num n ON n.id = t.id UNION ALL SELECT 0e0 FROM region WHERE id < 0
SELECT 0e0 FROM region WHERE id < 0 UNION ALL SELECT 1.5e0 FROM cust INTERSECT ALL SELECT n.f FROM txt t LEFT JOIN num n ON n.id = t.id
SELECT n.f FROM txt t LEFT JOIN num n ON n.id = t.id EXCEPT ALL SELECT 1.5e0 FROM cust c LEFT JOIN dun.cal d ON c.id = d.week INTERSECT ALL SELECT n.f FROM txt t LEFT JOIN num n ON n.id = t.id WHERE t.id < 20
