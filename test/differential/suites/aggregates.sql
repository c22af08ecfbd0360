# GROUP BY, HAVING, DISTINCT, ROLLUP, GROUP_CONCAT, empty tables
SELECT COUNT(*) FROM nil
SELECT COUNT(*), SUM(n), MAX(s) FROM nil WHERE id > 5
SELECT COUNT(*) FROM nil GROUP BY n
SELECT n, COUNT(*) FROM nil GROUP BY n WITH ROLLUP
SELECT COUNT(*) FROM nil HAVING COUNT(*) > 0
SELECT COUNT(*) FROM nil HAVING COUNT(*) = 0
SELECT 1 FROM nil HAVING 1
SELECT MAX(id) FROM cust HAVING MAX(id) > 100
SELECT MAX(id) FROM cust WHERE 1 = 0
SELECT MAX(id), 5, 'x' FROM cust WHERE 1 = 0
SELECT COUNT(*) FROM cust WHERE id = 3
SELECT COUNT(*) FROM cust WHERE id IN (3, 4, 5)
SELECT COUNT(*) FROM cust WHERE id = 3 AND id = 4
SELECT id FROM cust HAVING id < 5 ORDER BY id
SELECT id AS x FROM cust HAVING x < 5 ORDER BY x
SELECT COUNT(*) + 1, MAX(id) * 2, CONCAT('n', COUNT(*)) FROM cust
SELECT tier, COUNT(*) AS c FROM cust GROUP BY tier ORDER BY c DESC, tier
SELECT tier, COUNT(*) FROM cust GROUP BY tier ORDER BY COUNT(*) DESC, tier LIMIT 2
SELECT tier, COUNT(*) FROM cust GROUP BY tier ORDER BY MAX(credit) DESC
SELECT tier, region_id, COUNT(*), SUM(credit) FROM cust GROUP BY tier, region_id ORDER BY tier, region_id
SELECT tier, region_id, SUM(credit) AS s FROM cust GROUP BY 1, 2 HAVING s > 500 ORDER BY s DESC
SELECT tier AS t FROM cust GROUP BY t ORDER BY t
SELECT COUNT(*) FROM cust GROUP BY tier ORDER BY tier
SELECT COUNT(*) FROM cust GROUP BY tier, region_id ORDER BY 1, tier, region_id
SELECT COUNT(DISTINCT tier), COUNT(DISTINCT region_id), COUNT(DISTINCT tier, region_id) FROM cust
SELECT tier, COUNT(DISTINCT region_id), COUNT(DISTINCT region_id, parent) FROM cust GROUP BY tier ORDER BY tier
SELECT COUNT(DISTINCT cust_id), COUNT(cust_id), SUM(DISTINCT region_id) FROM ord
SELECT region_id, COUNT(DISTINCT status), GROUP_CONCAT(DISTINCT status ORDER BY status) FROM ord GROUP BY region_id ORDER BY region_id
SELECT status, COUNT(*), SUM(total), AVG(total), MIN(total), MAX(total) FROM ord GROUP BY status ORDER BY status
SELECT status, AVG(total) AS a FROM ord GROUP BY status HAVING a > 50 OR a IS NULL ORDER BY status
SELECT cust_id, COUNT(*) AS n FROM ord GROUP BY cust_id ORDER BY n DESC, cust_id LIMIT 8
SELECT cust_id, COUNT(*) AS n FROM ord GROUP BY cust_id ORDER BY n, cust_id DESC LIMIT 5 OFFSET 3
SELECT cust_id % 7 AS k, COUNT(*) FROM ord GROUP BY k ORDER BY k
SELECT cust_id % 7, SUM(total) FROM ord GROUP BY cust_id % 7 ORDER BY cust_id % 7
SELECT cust_id, MAX(placed) FROM ord GROUP BY cust_id ORDER BY MAX(placed) DESC, cust_id LIMIT 5
SELECT cust_id FROM ord GROUP BY cust_id HAVING MAX(total) = 250 AND COUNT(*) > 1 ORDER BY cust_id
SELECT cust_id FROM ord GROUP BY cust_id HAVING SUM(total) IS NULL ORDER BY cust_id
SELECT cust_id, status, COUNT(*) FROM ord GROUP BY cust_id, status WITH ROLLUP
SELECT region_id, status, SUM(total) FROM ord GROUP BY region_id, status WITH ROLLUP
SELECT region_id, COUNT(*) FROM ord GROUP BY region_id WITH ROLLUP HAVING COUNT(*) > 20
SELECT IFNULL(region_id, -1) AS r, COUNT(*) FROM ord GROUP BY r WITH ROLLUP
SELECT region_id, COUNT(*) FROM ord GROUP BY region_id WITH ROLLUP LIMIT 3
SELECT cust_id, GROUP_CONCAT(id ORDER BY id) FROM ord GROUP BY cust_id ORDER BY cust_id
SELECT cust_id, GROUP_CONCAT(id ORDER BY id DESC SEPARATOR '/') FROM ord GROUP BY cust_id ORDER BY cust_id
SELECT cust_id, GROUP_CONCAT(DISTINCT status ORDER BY status DESC) FROM ord GROUP BY cust_id ORDER BY cust_id
SELECT GROUP_CONCAT(id ORDER BY total, id LIMIT 5) FROM ord
SELECT GROUP_CONCAT(id, ':', total ORDER BY id) FROM ord WHERE id < 1010
SELECT GROUP_CONCAT(CONCAT(id, '=', COALESCE(total, 'none')) ORDER BY placed, id SEPARATOR '; ') FROM ord
SELECT tier, SUM(credit) / COUNT(*) - AVG(credit) FROM cust GROUP BY tier ORDER BY tier
SELECT tier, SUM(credit > 500), SUM(IF(credit > 500, credit, 0)), COUNT(IF(credit > 500, 1, NULL)) FROM cust GROUP BY tier ORDER BY tier
SELECT tier, SUM(CASE WHEN region_id = 1 THEN 1 ELSE 0 END) AS one, SUM(CASE region_id WHEN 2 THEN credit END) AS two FROM cust GROUP BY tier ORDER BY tier
SELECT MAX(tier), MIN(tier), MAX(tier + 0) FROM cust
SELECT DISTINCT tier FROM cust ORDER BY tier DESC
SELECT DISTINCT tier, region_id FROM cust ORDER BY tier, region_id LIMIT 6
SELECT DISTINCT region_id FROM cust ORDER BY region_id LIMIT 3 OFFSET 2
SELECT DISTINCT region_id + 1 AS x FROM cust ORDER BY x
SELECT DISTINCT COUNT(*) FROM cust GROUP BY region_id ORDER BY 1
SELECT DISTINCT SUM(total) FROM ord GROUP BY cust_id ORDER BY 1
SELECT DISTINCT 1 FROM cust
SELECT DISTINCT * FROM region ORDER BY id
SELECT DISTINCT cust_id FROM ord WHERE cust_id IN (1, 2, 3) ORDER BY 1
SELECT DISTINCT ord.cust_id FROM ord JOIN item ON item.ord_id = ord.id ORDER BY 1
SELECT DISTINCT c.tier FROM cust c LEFT JOIN ord o ON o.cust_id = c.id ORDER BY c.tier
SELECT id, COUNT(*) FROM cust GROUP BY id ORDER BY id LIMIT 4
SELECT id, name, COUNT(*) FROM cust GROUP BY id, name ORDER BY id LIMIT 4
SELECT MIN(id), MAX(id) FROM cust WHERE region_id = 2
SELECT MIN(total), MAX(total) FROM ord WHERE cust_id = 5
SELECT ANY_VALUE(1), COUNT(*) FROM cust
SELECT BIT_OR(region_id), BIT_AND(region_id), BIT_XOR(id) FROM cust
SELECT region_id, BIT_XOR(id) FROM cust GROUP BY region_id ORDER BY region_id
SELECT STDDEV(region_id) IS NULL, VARIANCE(5), STDDEV_POP(7) FROM cust
SELECT SUM(DISTINCT region_id), AVG(DISTINCT region_id), MAX(DISTINCT region_id), COUNT(DISTINCT region_id) FROM cust
SELECT tier, SUM(DISTINCT region_id), AVG(DISTINCT credit) FROM cust GROUP BY tier ORDER BY tier
SELECT COUNT(*), (SELECT COUNT(*) FROM ord), (SELECT MAX(total) FROM ord) FROM cust
SELECT AVG(n), MAX(n) FROM (SELECT cust_id, COUNT(*) AS n FROM ord GROUP BY cust_id) q
SELECT n, COUNT(*) FROM (SELECT cust_id, COUNT(*) AS n FROM ord GROUP BY cust_id) q GROUP BY n ORDER BY n
SELECT MAX(s) FROM (SELECT SUM(total) AS s FROM ord GROUP BY cust_id) q
SELECT COUNT(*) FROM (SELECT DISTINCT region_id, status FROM ord) q
SELECT COUNT(*) FROM (SELECT * FROM ord LIMIT 10) q
SELECT SUM(total) FROM (SELECT total FROM ord ORDER BY total DESC, id LIMIT 5) q
SELECT COUNT(*) FROM (SELECT 1 FROM cust UNION ALL SELECT 2 FROM ord) q
SELECT UPPER(status) AS u, COUNT(*) FROM ord GROUP BY u ORDER BY u
SELECT LEFT(name, 1) AS f, COUNT(*) FROM cust GROUP BY f ORDER BY f
SELECT LENGTH(status), COUNT(*) FROM ord GROUP BY LENGTH(status) ORDER BY 1
SELECT status IS NULL, COUNT(*) FROM ord GROUP BY status IS NULL ORDER BY 1
SELECT total > 50 AS big, COUNT(*) FROM ord GROUP BY big ORDER BY big
SELECT total, COUNT(*) FROM ord GROUP BY total HAVING total > 1 ORDER BY total
SELECT total, COUNT(*) FROM ord WHERE total IS NOT NULL GROUP BY total ORDER BY COUNT(*), total
SELECT COUNT(*) FROM ord WHERE total > (SELECT AVG(total) FROM ord)
SELECT cust_id, SUM(total) FROM ord GROUP BY cust_id HAVING SUM(total) > (SELECT AVG(total) FROM ord) ORDER BY cust_id
SELECT tier, COUNT(*) FROM cust WHERE id IN (SELECT cust_id FROM ord WHERE total > 90) GROUP BY tier ORDER BY tier
SELECT name, COUNT(*) FROM cust GROUP BY name HAVING COUNT(*) > 1 ORDER BY name
SELECT SUM(qty), SUM(qty * price), COUNT(*) FROM item WHERE ord_id BETWEEN 1010 AND 1020
SELECT ord_id, SUM(qty * price) AS v FROM item GROUP BY ord_id ORDER BY v DESC, ord_id LIMIT 7
SELECT line, AVG(qty), AVG(price) FROM item GROUP BY line ORDER BY line
SELECT cust_id, line, COUNT(*) FROM item GROUP BY cust_id, line HAVING COUNT(*) > 2 ORDER BY 1, 2
SELECT a, MAX(b), SUM(v), GROUP_CONCAT(UPPER(RTRIM(w)) ORDER BY b) FROM pair GROUP BY a ORDER BY a
SELECT w, COUNT(*), SUM(v) FROM pair GROUP BY w ORDER BY w
SELECT a + b AS s, COUNT(*) FROM pair GROUP BY s ORDER BY s
SELECT COUNT(*) FROM pair WHERE (a, b) IN ((1, 4), (2, 8), (3, 0))
SELECT nope FROM cust GROUP BY tier
SELECT COUNT(*) FROM cust GROUP BY nope
SELECT COUNT(*) FROM cust WHERE COUNT(*) > 1
SELECT tier FROM cust GROUP BY COUNT(*)
SELECT SUM(COUNT(*)) FROM cust GROUP BY tier
SELECT tier, COUNT(*) FROM cust GROUP BY 5
SELECT tier FROM cust ORDER BY 4
