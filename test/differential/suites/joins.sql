# Joins of all forms, on the same shard and not
SELECT c.id, c.name, o.id, o.total FROM cust c JOIN ord o ON o.cust_id = c.id ORDER BY c.id, o.id
SELECT c.id, c.name, o.id, o.total FROM cust c LEFT JOIN ord o ON o.cust_id = c.id ORDER BY c.id, o.id
SELECT c.id, o.id FROM cust c RIGHT JOIN ord o ON o.cust_id = c.id ORDER BY o.id
SELECT c.id, o.id FROM cust c RIGHT JOIN ord o ON o.cust_id = c.id WHERE c.id IS NULL ORDER BY o.id
SELECT o.id, i.line, i.sku FROM ord o JOIN item i ON i.ord_id = o.id ORDER BY o.id, i.line
SELECT o.id, i.line, i.sku FROM ord o LEFT JOIN item i ON i.ord_id = o.id ORDER BY o.id, i.line
SELECT o.id, i.line, s.title FROM ord o JOIN item i ON i.ord_id = o.id JOIN dun.sku s ON s.sku = i.sku ORDER BY o.id, i.line
SELECT o.id, i.line, s.title FROM ord o LEFT JOIN item i ON i.ord_id = o.id LEFT JOIN dun.sku s ON s.sku = i.sku ORDER BY o.id, i.line
SELECT c.id, o.id, i.line FROM cust c JOIN ord o ON o.cust_id = c.id JOIN item i ON i.cust_id = o.cust_id AND i.ord_id = o.id ORDER BY 1, 2, 3
SELECT c.id, o.id, i.line FROM cust c JOIN ord o ON o.cust_id = c.id JOIN item i ON i.ord_id = o.id ORDER BY 1, 2, 3
SELECT c.id, r.name FROM cust c JOIN region r ON r.id = c.region_id ORDER BY c.id
SELECT c.id, r.name FROM cust c LEFT JOIN region r ON r.id = c.region_id ORDER BY c.id
SELECT c.id, r.name FROM cust c RIGHT JOIN region r ON r.id = c.region_id ORDER BY r.id, c.id
SELECT r.id, c.id FROM region r LEFT JOIN cust c ON c.region_id = r.id ORDER BY 1, 2
SELECT r.id, b.name FROM region r LEFT JOIN cust b ON b.id = r.boss ORDER BY 1
SELECT r.id, b.name, COUNT(c.id) FROM region r LEFT JOIN cust b ON b.id = r.boss LEFT JOIN cust c ON c.region_id = r.id GROUP BY r.id, b.name ORDER BY r.id
SELECT a.id, b.id FROM cust a JOIN cust b ON b.parent = a.id ORDER BY 1, 2
SELECT a.id, b.id, c.id FROM cust a JOIN cust b ON b.parent = a.id LEFT JOIN cust c ON c.parent = b.id ORDER BY 1, 2, 3
SELECT a.id, b.id FROM cust a LEFT JOIN cust b ON b.id = a.parent ORDER BY a.id
SELECT a.id, b.id FROM cust a JOIN cust b ON b.id = a.parent AND b.region_id = a.region_id ORDER BY 1
SELECT * FROM ord JOIN item USING (cust_id) ORDER BY ord.id, item.ord_id, item.line LIMIT 40
SELECT * FROM ord LEFT JOIN item USING (cust_id) ORDER BY ord.id, item.ord_id, item.line LIMIT 40
SELECT * FROM item RIGHT JOIN ord USING (cust_id) ORDER BY ord.id, item.ord_id, item.line LIMIT 40
SELECT cust_id, COUNT(*) FROM ord JOIN item USING (cust_id) GROUP BY cust_id ORDER BY cust_id
SELECT * FROM cust NATURAL JOIN nil
SELECT * FROM cust NATURAL LEFT JOIN nil ORDER BY id
SELECT * FROM nil NATURAL RIGHT JOIN cust ORDER BY id
SELECT id, region_id FROM cust JOIN ord USING (id, region_id)
SELECT region_id, COUNT(*) FROM cust JOIN ord USING (region_id) GROUP BY region_id ORDER BY region_id
SELECT * FROM num JOIN txt USING (id) WHERE id < 8 ORDER BY id
SELECT num.id, txt.g, tim.dt FROM num JOIN txt ON txt.id = num.id JOIN tim ON tim.id = txt.id ORDER BY num.id
SELECT n.id, t.id, m.id FROM num n LEFT JOIN txt t ON t.id = n.id AND t.g IS NOT NULL LEFT JOIN tim m ON m.id = t.id ORDER BY n.id
SELECT n.id, p.b FROM num n JOIN pair p ON p.a = n.id ORDER BY 1, 2
SELECT p.a, p.b, q.b FROM pair p JOIN pair q ON q.a = p.a AND q.b > p.b ORDER BY 1, 2, 3
SELECT p.a, p.b, q.b FROM pair p JOIN pair q ON q.a = p.b ORDER BY 1, 2, 3
SELECT p.a, p.b, c.name FROM pair p LEFT JOIN cust c ON c.id = p.b WHERE p.v > 0 ORDER BY 1, 2
SELECT r.id, s.sku FROM region r CROSS JOIN dun.sku s ORDER BY 1, 2
SELECT r.id, s.sku FROM region r, dun.sku s WHERE r.id = s.cat ORDER BY 1, 2
SELECT r.id, c.id FROM region r, cust c WHERE c.id < 4 ORDER BY 1, 2
SELECT COUNT(*) FROM cust, region
SELECT COUNT(*) FROM cust c, ord o
SELECT COUNT(*) FROM cust c, ord o WHERE c.region_id = o.region_id
SELECT COUNT(*) FROM num a, num b WHERE a.i = b.ti
SELECT c.id, o.id FROM cust c STRAIGHT_JOIN ord o ON o.cust_id = c.id WHERE o.total > 50 ORDER BY 1, 2
SELECT STRAIGHT_JOIN c.id, o.id FROM cust c JOIN ord o ON o.cust_id = c.id WHERE c.id IN (1, 2, 3) ORDER BY 1, 2
SELECT c.id, o.id FROM cust c JOIN ord o ON o.cust_id = c.id AND o.region_id = c.region_id ORDER BY 1, 2
SELECT c.id, o.id FROM cust c LEFT JOIN ord o ON o.cust_id = c.id AND o.region_id = c.region_id ORDER BY 1, 2
SELECT c.id, o.id FROM cust c LEFT JOIN ord o ON o.cust_id = c.id AND c.tier = 'gold' ORDER BY 1, 2
SELECT c.id, o.id FROM cust c LEFT JOIN ord o ON o.cust_id = c.id WHERE o.id IS NULL ORDER BY 1
SELECT c.id, o.id FROM cust c LEFT JOIN ord o ON o.cust_id = c.id WHERE c.id = 7 ORDER BY 1, 2
SELECT c.id, o.id FROM cust c LEFT JOIN ord o ON o.cust_id = c.id WHERE o.cust_id = 7 ORDER BY 1, 2
SELECT c.id, o.id FROM cust c LEFT JOIN ord o ON o.cust_id = c.id AND o.cust_id = 7 ORDER BY 1, 2
SELECT c.id, o.id FROM cust c LEFT JOIN ord o ON o.cust_id = 7 WHERE c.id < 4 ORDER BY 1, 2
SELECT c.id, o.id FROM cust c JOIN ord o ON o.cust_id = c.id OR o.region_id = c.id WHERE c.id < 5 ORDER BY 1, 2
SELECT c.id, o.id FROM cust c LEFT JOIN (ord o JOIN item i ON i.ord_id = o.id) ON o.cust_id = c.id ORDER BY 1, 2, i.line
SELECT c.id, o.id, i.line FROM cust c LEFT JOIN (ord o LEFT JOIN item i ON i.ord_id = o.id AND i.qty > 4) ON o.cust_id = c.id ORDER BY 1, 2, 3
SELECT c.id, o.id, i.line FROM (cust c LEFT JOIN ord o ON o.cust_id = c.id) LEFT JOIN item i ON i.ord_id = o.id WHERE c.id < 10 ORDER BY 1, 2, 3
SELECT i.sku, COUNT(*), SUM(i.qty) FROM cust c JOIN ord o ON o.cust_id = c.id JOIN item i ON i.ord_id = o.id WHERE c.tier = 'gold' GROUP BY i.sku ORDER BY i.sku
SELECT c.tier, r.name, COUNT(DISTINCT o.id), SUM(o.total) FROM cust c JOIN ord o ON o.cust_id = c.id LEFT JOIN region r ON r.id = c.region_id GROUP BY c.tier, r.name ORDER BY 1, 2
SELECT c.*, o.* FROM cust c JOIN ord o ON o.cust_id = c.id WHERE c.id = 3 ORDER BY o.id
SELECT o.*, c.name FROM cust c JOIN ord o ON o.cust_id = c.id ORDER BY o.id LIMIT 7
SELECT * FROM cust c JOIN ord o ON o.cust_id = c.id JOIN region r ON r.id = o.region_id ORDER BY o.id LIMIT 9
SELECT cust.id, ord.id FROM cust JOIN ord ON cust.id = ord.cust_id ORDER BY ord.id LIMIT 3
SELECT dsh.cust.id, dsh.ord.total FROM dsh.cust JOIN dsh.ord ON dsh.cust.id = dsh.ord.cust_id ORDER BY dsh.ord.id LIMIT 3
SELECT id FROM cust JOIN ord ON cust.id = ord.cust_id
SELECT cust.nope FROM cust JOIN ord ON cust.id = ord.cust_id
SELECT * FROM cust c JOIN ord o ON o.nope = c.id
SELECT c.id FROM cust c JOIN cust c ON c.id = 1
SELECT a.id FROM cust a LEFT JOIN nil b ON b.id = a.id JOIN ord o ON o.cust_id = a.id WHERE o.total > 100 ORDER BY o.id
SELECT COUNT(*) FROM cust a LEFT JOIN nil b ON b.id = a.id JOIN nil d ON d.id = b.id
SELECT n.d, t.g, m.dt, c.name, p.v FROM num n JOIN txt t ON t.id = n.id JOIN tim m ON m.id = n.id JOIN cust c ON c.id = n.id JOIN pair p ON p.a = n.id ORDER BY n.id, p.b
SELECT c.id FROM cust c JOIN tim t ON t.owner = c.id AND t.dt > c.joined ORDER BY c.id, t.id
SELECT c.id, t.id FROM cust c LEFT JOIN tim t ON t.owner = c.id AND t.dt > c.joined ORDER BY c.id, t.id
SELECT x.sku, y.sku FROM dun.sku x JOIN dun.sku y ON y.cat = x.cat AND y.sku > x.sku ORDER BY 1, 2
SELECT h.sku, COUNT(i.line) FROM dun.cheap h LEFT JOIN item i ON i.sku = h.sku GROUP BY h.sku ORDER BY h.sku
SELECT c.id, n.d FROM cust c JOIN num n ON n.id = c.id + 1 ORDER BY c.id
SELECT c.id, n.id FROM cust c JOIN num n ON n.i = c.id % 5 WHERE c.id < 6 ORDER BY 1, 2
SELECT c.id, n.id FROM cust c JOIN num n ON n.d = c.region_id ORDER BY 1, 2
SELECT t.id, n.id FROM txt t JOIN num n ON t.g = n.i ORDER BY 1, 2
SELECT c.id FROM cust c JOIN ord o ON o.cust_id = c.id GROUP BY c.id HAVING COUNT(*) > 2 ORDER BY c.id
SELECT DISTINCT c.id FROM cust c JOIN ord o ON o.cust_id = c.id ORDER BY c.id
SELECT DISTINCT c.region_id, o.region_id FROM cust c JOIN ord o ON o.cust_id = c.id ORDER BY 1, 2
SELECT c.id, SUM(o.total), (SELECT COUNT(*) FROM item i WHERE i.cust_id = c.id) FROM cust c LEFT JOIN ord o ON o.cust_id = c.id GROUP BY c.id ORDER BY c.id
SELECT c.id, o.id FROM cust c JOIN ord o ON o.cust_id = c.id ORDER BY o.total DESC, o.id LIMIT 10
SELECT c.name, o.id FROM cust c JOIN ord o ON o.cust_id = c.id ORDER BY c.name, o.id LIMIT 10 OFFSET 5
SELECT c.id FROM cust c JOIN ord o ON o.cust_id = c.id ORDER BY o.placed DESC, o.id LIMIT 10
SELECT o.id, c.name FROM ord o LEFT JOIN cust c ON c.id = o.cust_id ORDER BY c.name IS NULL, c.name DESC, o.id LIMIT 12
# The key of the side that an outer join fills with NULLs: rows without a match are on every shard
SELECT o.cust_id, COUNT(*) FROM cust c LEFT JOIN ord o ON o.cust_id = c.id GROUP BY o.cust_id ORDER BY o.cust_id
SELECT DISTINCT o.cust_id FROM cust c LEFT JOIN ord o ON o.cust_id = c.id ORDER BY o.cust_id
SELECT DISTINCT o.* FROM cust c LEFT JOIN ord o ON o.cust_id = c.id ORDER BY o.id
SELECT DISTINCT q.cust_id FROM cust c LEFT JOIN (SELECT cust_id, total FROM ord) q ON q.cust_id = c.id ORDER BY 1
SELECT q.k, COUNT(*) FROM (SELECT o.cust_id AS k FROM cust c LEFT JOIN ord o ON o.cust_id = c.id) q GROUP BY q.k ORDER BY q.k
SELECT q.k, COUNT(*) FROM (SELECT o.cust_id AS k FROM cust c LEFT JOIN ord o ON o.cust_id = c.id UNION ALL SELECT id FROM cust) q GROUP BY q.k ORDER BY q.k
SELECT c.id, o.cust_id, ROW_NUMBER() OVER (PARTITION BY o.cust_id ORDER BY c.id, o.id) FROM cust c LEFT JOIN ord o ON o.cust_id = c.id ORDER BY c.id, o.id
SELECT c.id, COUNT(*) FROM ord o RIGHT JOIN cust c ON o.cust_id = c.id GROUP BY c.id ORDER BY c.id
SELECT o.cust_id, COUNT(*) FROM ord o RIGHT JOIN cust c ON o.cust_id = c.id GROUP BY o.cust_id ORDER BY 1
SELECT o.cust_id, i.cust_id, COUNT(*) FROM cust c LEFT JOIN (ord o JOIN item i ON i.cust_id = o.cust_id) ON o.cust_id = c.id GROUP BY o.cust_id, i.cust_id ORDER BY 1
SELECT c.id, d.c FROM cust c LEFT JOIN (SELECT t.id AS k, t.c FROM txt t JOIN num n ON n.id = t.id ORDER BY n.id LIMIT 7) d ON c.id = d.k ORDER BY c.id
SELECT AVG(c.parent) FROM ord o LEFT JOIN cust c ON 1 JOIN region r ON c.region_id
SELECT AVG(c.parent), COUNT(*) FROM ord o LEFT JOIN cust c ON c.region_id = o.region_id JOIN region r ON c.region_id = r.id
# A name that USING has made of several columns: GROUP BY and ORDER BY mean the select item that is called so.
SELECT txt.id, COUNT(*) FROM num LEFT JOIN txt USING (id) GROUP BY id ORDER BY id DESC
SELECT txt.code AS id, COUNT(*) FROM num LEFT JOIN txt USING (id) GROUP BY id ORDER BY id DESC
SELECT txt.id, num.ti FROM num LEFT JOIN txt USING (id) ORDER BY id DESC, num.id
SELECT num.ti, txt.id FROM num NATURAL LEFT JOIN txt ORDER BY id DESC, num.id LIMIT 7
SELECT 5 AS id, COUNT(*) FROM num NATURAL LEFT JOIN txt GROUP BY id
SELECT -num.id AS ti, txt.code FROM num JOIN txt ON num.i = txt.id ORDER BY ti + 0, num.id, code
# Outer joins that MySQL makes inner, by a comparison of rows, too.
SELECT p.a, t.id FROM num t RIGHT JOIN pair p ON p.a = t.id JOIN pair q ON q.a = p.b WHERE (q.b, t.id) < (5, 5) ORDER BY p.a, p.b, q.b, t.id
SELECT c.id, o.id FROM cust c LEFT JOIN ord o ON o.cust_id = c.id WHERE o.cust_id = 7 ORDER BY o.id
SELECT c.id, o.id FROM cust c LEFT JOIN ord o ON o.region_id = c.region_id WHERE o.total > 5 ORDER BY c.id, o.id
