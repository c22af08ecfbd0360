# Subqueries: scalar, IN, EXISTS, quantified, correlated or not, in every place; derived tables
SELECT id FROM cust WHERE id IN (SELECT cust_id FROM ord) ORDER BY id
SELECT id FROM cust WHERE id NOT IN (SELECT cust_id FROM ord) ORDER BY id
SELECT id FROM cust WHERE id IN (SELECT cust_id FROM ord WHERE total > 90) ORDER BY id
SELECT id FROM cust WHERE id IN (SELECT cust_id FROM item WHERE sku = 's3') ORDER BY id
SELECT id FROM ord WHERE id IN (SELECT ord_id FROM item WHERE qty > 6) ORDER BY id
SELECT id FROM ord WHERE id NOT IN (SELECT ord_id FROM item WHERE qty > 6) ORDER BY id
SELECT id FROM cust c WHERE EXISTS (SELECT 1 FROM ord o WHERE o.cust_id = c.id) ORDER BY id
SELECT id FROM cust c WHERE NOT EXISTS (SELECT 1 FROM ord o WHERE o.cust_id = c.id) ORDER BY id
SELECT id FROM cust c WHERE EXISTS (SELECT 1 FROM ord o WHERE o.region_id = c.region_id AND o.total > 90) ORDER BY id
SELECT id FROM cust c WHERE EXISTS (SELECT 1 FROM ord o JOIN item i ON i.ord_id = o.id WHERE o.cust_id = c.id AND i.qty = 5) ORDER BY id
SELECT id FROM cust WHERE EXISTS (SELECT 1 FROM nil)
SELECT id FROM cust WHERE NOT EXISTS (SELECT 1 FROM nil) ORDER BY id LIMIT 3
SELECT COUNT(*) FROM cust WHERE EXISTS (SELECT 1 FROM ord)
SELECT id FROM cust WHERE region_id = (SELECT MAX(id) FROM region) ORDER BY id
SELECT id FROM cust WHERE region_id = (SELECT id FROM region WHERE name = 'east') ORDER BY id
SELECT id FROM cust WHERE region_id = (SELECT id FROM region)
SELECT id FROM cust WHERE credit > (SELECT AVG(credit) FROM cust) ORDER BY id
SELECT id FROM cust c WHERE credit > (SELECT AVG(credit) FROM cust d WHERE d.region_id = c.region_id) ORDER BY id
SELECT id FROM cust c WHERE credit = (SELECT MAX(credit) FROM cust d WHERE d.tier = c.tier) ORDER BY id
SELECT id, (SELECT COUNT(*) FROM ord o WHERE o.cust_id = c.id) AS n FROM cust c ORDER BY id
SELECT id, (SELECT SUM(total) FROM ord o WHERE o.cust_id = c.id) AS s FROM cust c ORDER BY s DESC, id LIMIT 10
SELECT id, (SELECT name FROM region r WHERE r.id = c.region_id) AS r FROM cust c ORDER BY id
SELECT id, (SELECT name FROM cust p WHERE p.id = c.parent) AS p FROM cust c ORDER BY id
SELECT id, (SELECT title FROM dun.sku WHERE sku = 's3') AS t FROM cust ORDER BY id LIMIT 2
SELECT sku, (SELECT SUM(qty) FROM item i WHERE i.sku = s.sku) AS q FROM dun.sku s ORDER BY sku
SELECT id, (SELECT MAX(line) FROM item WHERE ord_id = ord.id) FROM ord ORDER BY id
SELECT id FROM ord o WHERE (SELECT COUNT(*) FROM item i WHERE i.ord_id = o.id) = 0 ORDER BY id
SELECT id FROM ord WHERE total >= ALL (SELECT total FROM ord WHERE total IS NOT NULL) ORDER BY id
SELECT id FROM ord WHERE total > ANY (SELECT price FROM item) ORDER BY id
SELECT id FROM ord WHERE total = SOME (SELECT total FROM ord o WHERE o.id < 1010) ORDER BY id
SELECT id FROM cust WHERE credit <> ALL (SELECT credit FROM cust WHERE id > 20) ORDER BY id
SELECT id FROM cust WHERE (id, region_id) IN (SELECT cust_id, region_id FROM ord) ORDER BY id
SELECT id FROM cust WHERE (region_id, tier) = (SELECT region_id, tier FROM cust WHERE id = 5) ORDER BY id
SELECT id FROM cust WHERE ROW(region_id, parent) NOT IN (SELECT region_id, parent FROM cust WHERE id < 10) ORDER BY id
SELECT id FROM cust WHERE region_id IN (SELECT id FROM region WHERE boss IN (SELECT id FROM cust WHERE tier = 'gold')) ORDER BY id
SELECT id FROM cust WHERE id IN (SELECT parent FROM cust WHERE id IN (SELECT cust_id FROM ord WHERE total < 2)) ORDER BY id
SELECT id FROM cust WHERE id = (SELECT MIN(cust_id) FROM ord)
SELECT id FROM cust WHERE id = (SELECT cust_id FROM ord ORDER BY total DESC, id LIMIT 1)
SELECT id FROM cust WHERE id > (SELECT AVG(cust_id) FROM ord) ORDER BY id
SELECT id FROM cust WHERE name = (SELECT name FROM cust WHERE id = 7) ORDER BY id
SELECT id FROM cust WHERE name IN (SELECT l FROM txt) ORDER BY id
SELECT id FROM txt WHERE bn IN (SELECT label FROM doc) ORDER BY id
SELECT id FROM txt WHERE g IN (SELECT title FROM dun.sku) ORDER BY id
SELECT q.id, q.n FROM (SELECT c.id, COUNT(o.id) AS n FROM cust c LEFT JOIN ord o ON o.cust_id = c.id GROUP BY c.id) q WHERE q.n > 2 ORDER BY q.id
SELECT q.cust_id, c.name FROM (SELECT cust_id, SUM(total) AS s FROM ord GROUP BY cust_id) q JOIN cust c ON c.id = q.cust_id WHERE q.s > 90 ORDER BY 1
SELECT c.id, q.n FROM cust c LEFT JOIN (SELECT cust_id, COUNT(*) AS n FROM ord GROUP BY cust_id) q ON q.cust_id = c.id ORDER BY c.id
SELECT c.id, q.mx FROM cust c JOIN (SELECT MAX(total) AS mx FROM ord) q WHERE c.id < 4 ORDER BY 1
SELECT * FROM (SELECT id, name FROM cust ORDER BY id LIMIT 5) q ORDER BY id DESC
SELECT * FROM (SELECT id, name FROM cust WHERE id IN (1, 2)) q JOIN (SELECT cust_id, total FROM ord) p ON p.cust_id = q.id ORDER BY 1, 4
SELECT a.id, b.id FROM (SELECT id FROM cust WHERE tier = 'gold') a LEFT JOIN (SELECT id FROM cust WHERE region_id = 1) b ON b.id = a.id ORDER BY 1
SELECT x FROM (SELECT id + 1 AS x FROM cust) q WHERE x > 45 ORDER BY x
SELECT x, y FROM (SELECT 1 AS x, 2 AS y) q
SELECT x FROM (SELECT 1 AS x UNION SELECT 2 UNION SELECT 2) q ORDER BY x
SELECT x, COUNT(*) FROM (SELECT region_id AS x FROM cust UNION ALL SELECT region_id FROM ord) q GROUP BY x ORDER BY x
SELECT * FROM (SELECT * FROM (SELECT id, tier FROM cust) a WHERE tier = 'gold') b ORDER BY id
SELECT s.t, s.c FROM (SELECT tier AS t, COUNT(*) AS c FROM cust GROUP BY tier) s ORDER BY s.c DESC, s.t
SELECT id FROM cust WHERE id IN (SELECT x FROM (SELECT cust_id AS x FROM ord ORDER BY total DESC, id LIMIT 5) q) ORDER BY id
SELECT id FROM cust c WHERE (SELECT COUNT(*) FROM ord o WHERE o.cust_id = c.id AND o.total > (SELECT AVG(total) FROM ord p WHERE p.cust_id = c.id)) > 0 ORDER BY id
SELECT id, CASE WHEN EXISTS (SELECT 1 FROM ord o WHERE o.cust_id = c.id) THEN 'buys' ELSE 'looks' END AS k FROM cust c ORDER BY id
SELECT id, id IN (SELECT cust_id FROM ord) AS k FROM cust ORDER BY id
SELECT tier, COUNT(*) FROM cust GROUP BY tier HAVING COUNT(*) > (SELECT COUNT(*) FROM region) ORDER BY tier
SELECT tier, COUNT(*) FROM cust c GROUP BY tier HAVING EXISTS (SELECT 1 FROM cust d WHERE d.tier = c.tier AND d.credit > 900) ORDER BY tier
SELECT id FROM cust ORDER BY (SELECT COUNT(*) FROM ord o WHERE o.cust_id = cust.id) DESC, id LIMIT 6
SELECT (SELECT MAX(id) FROM cust), (SELECT MIN(id) FROM ord), (SELECT COUNT(*) FROM nil)
SELECT (SELECT id FROM nil), (SELECT 1 UNION SELECT 1)
SELECT (SELECT id, name FROM cust WHERE id = 1)
SELECT (SELECT id FROM cust)
SELECT id FROM cust WHERE id = (SELECT id, name FROM cust LIMIT 1)
SELECT id FROM cust WHERE id IN (SELECT id, name FROM cust)
SELECT id FROM cust WHERE id IN (SELECT cust_id FROM ord ORDER BY total LIMIT 3)
SELECT id FROM cust c WHERE c.id IN (SELECT o.cust_id FROM ord o WHERE o.cust_id = c.id AND o.total IS NOT NULL) ORDER BY id
SELECT id FROM cust c WHERE c.region_id IN (SELECT o.region_id FROM ord o WHERE o.cust_id = c.id) ORDER BY id
SELECT id FROM cust WHERE id IN (1, 2, (SELECT MAX(cust_id) FROM ord)) ORDER BY id
SELECT id FROM cust WHERE id BETWEEN (SELECT MIN(parent) FROM cust) AND (SELECT MAX(region_id) FROM cust) ORDER BY id
SELECT COUNT(*) FROM cust c WHERE (SELECT total FROM ord WHERE cust_id = c.id ORDER BY placed DESC, id LIMIT 1) > 10
SELECT c.id, (SELECT total FROM ord WHERE cust_id = c.id ORDER BY placed DESC, id LIMIT 1) AS latest FROM cust c ORDER BY c.id
SELECT c.id, (SELECT GROUP_CONCAT(o.id ORDER BY o.id) FROM ord o WHERE o.cust_id = c.id) AS ids FROM cust c ORDER BY c.id
SELECT r.id, (SELECT COUNT(*) FROM cust c WHERE c.region_id = r.id), (SELECT COUNT(*) FROM ord o WHERE o.region_id = r.id) FROM region r ORDER BY r.id
SELECT n.id FROM num n WHERE n.i > (SELECT AVG(m.i) FROM num m WHERE m.y = n.y) ORDER BY n.id
SELECT n.id FROM num n WHERE n.d IN (SELECT d6 FROM num) ORDER BY n.id
SELECT n.id FROM num n WHERE n.i IN (SELECT db FROM num) ORDER BY n.id
SELECT n.id FROM num n WHERE n.bu IN (SELECT bi FROM num) ORDER BY n.id
SELECT t.id FROM tim t WHERE t.dt IN (SELECT day FROM dun.cal WHERE holiday = 1) ORDER BY t.id
SELECT t.id FROM tim t WHERE t.dt > ALL (SELECT day FROM dun.cal WHERE week = 2) ORDER BY t.id
SELECT t.id, (SELECT week FROM dun.cal WHERE day = t.dt) FROM tim t ORDER BY t.id
SELECT d.n FROM doc d WHERE d.owner = (SELECT MIN(owner) FROM doc) ORDER BY d.k
SELECT p.a, p.b FROM pair p WHERE p.v = (SELECT MAX(v) FROM pair q WHERE q.a = p.a) ORDER BY 1, 2
SELECT p.a, p.b FROM pair p WHERE NOT EXISTS (SELECT 1 FROM pair q WHERE q.a = p.a AND q.v > p.v) ORDER BY 1, 2
SELECT DISTINCT c.region_id FROM cust c WHERE c.id IN (SELECT cust_id FROM ord WHERE region_id = c.region_id) ORDER BY 1
SELECT * FROM (SELECT c.id, c.name FROM cust c) AS q (a, b) ORDER BY a LIMIT 3
SELECT q.* FROM (SELECT ord.cust_id, COUNT(*) FROM ord GROUP BY 1) q ORDER BY 1 LIMIT 3
SELECT `COUNT(*)` FROM (SELECT COUNT(*) FROM ord GROUP BY cust_id) q ORDER BY 1
SELECT id FROM (SELECT id FROM cust UNION SELECT cust_id FROM ord) q ORDER BY id
# By way of split_materialized MariaDB would lose rows of what is gathered.
SELECT t1.id FROM num t1 WHERE t1.y OR EXISTS (SELECT * FROM cust_sum t5 JOIN cust_region t6 ON t6.id = t5.cust_id WHERE t5.cust_id = t1.iu AND STRCMP(t6.name, t6.region)) ORDER BY t1.id
