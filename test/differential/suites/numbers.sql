# Integers, decimals, doubles: types of results, ranges, division, conversions
SELECT SUM(ti), SUM(tu), SUM(si), SUM(mi), SUM(i), SUM(iu), SUM(bi), SUM(bu) FROM num
SELECT AVG(ti), AVG(tu), AVG(si), AVG(mi), AVG(i), AVG(iu), AVG(bi), AVG(bu) FROM num
SELECT MIN(ti), MAX(tu), MIN(si), MAX(mi), MIN(i), MAX(iu), MIN(bi), MAX(bu) FROM num
SELECT SUM(d), AVG(d), SUM(d6), AVG(d6), MIN(d), MAX(d6) FROM num
SELECT SUM(f), AVG(f), SUM(db), AVG(db), MIN(f), MAX(db) FROM num
SELECT SUM(DISTINCT i), AVG(DISTINCT i), COUNT(DISTINCT i), SUM(DISTINCT d), AVG(DISTINCT d) FROM num
SELECT SUM(DISTINCT db), COUNT(DISTINCT db), COUNT(DISTINCT f), COUNT(DISTINCT d6) FROM num
SELECT y, SUM(i), AVG(d), COUNT(*) FROM num GROUP BY y ORDER BY y
SELECT b + 0, COUNT(*) FROM num GROUP BY b ORDER BY b
SELECT b, COUNT(*) FROM num GROUP BY b ORDER BY b
SELECT BIT_AND(b), BIT_OR(b), BIT_XOR(b), BIT_AND(bu), BIT_OR(bi) FROM num
SELECT d, COUNT(*) FROM num GROUP BY d ORDER BY d
SELECT d6, COUNT(*) FROM num GROUP BY d6 ORDER BY d6 DESC
SELECT f, COUNT(*) FROM num GROUP BY f ORDER BY f
SELECT db, COUNT(*), SUM(db) FROM num GROUP BY db ORDER BY db
SELECT DISTINCT d FROM num ORDER BY d
SELECT DISTINCT f, i FROM num ORDER BY f, i
SELECT id, bi FROM num ORDER BY bi, id
SELECT id, bu FROM num ORDER BY bu DESC, id LIMIT 30
SELECT id, iu FROM num ORDER BY iu, id LIMIT 30 OFFSET 20
SELECT id, d FROM num ORDER BY d DESC, id
SELECT id, f FROM num ORDER BY f, id
SELECT id, db FROM num ORDER BY db DESC, id DESC
SELECT id, y FROM num ORDER BY y, id
SELECT id, b FROM num ORDER BY b, id
SELECT id FROM num WHERE id = -1
SELECT id FROM num WHERE id IN (-1, -7, 0, 5) ORDER BY id
SELECT id FROM num WHERE bi = 9223372036854775807 ORDER BY id
SELECT id FROM num WHERE bu = 18446744073709551615 ORDER BY id
SELECT id FROM num WHERE bu > 9223372036854775807 ORDER BY id
SELECT id FROM num WHERE bi = -9223372036854775808 ORDER BY id
SELECT id FROM num WHERE bi = bu ORDER BY id
SELECT id FROM num WHERE d = 1.5 ORDER BY id
SELECT id FROM num WHERE d = '1.50' ORDER BY id
SELECT id FROM num WHERE d = 1.5e0 ORDER BY id
SELECT id FROM num WHERE f = 0.25 ORDER BY id
SELECT id FROM num WHERE i = '1' ORDER BY id
SELECT id FROM num WHERE i = '1abc' ORDER BY id
SELECT id FROM num WHERE i = 1.0 ORDER BY id
SELECT id FROM num WHERE i = TRUE ORDER BY id
SELECT id FROM num WHERE i ORDER BY id
SELECT id FROM num WHERE i IN ('1', 2, 3.0) ORDER BY id
SELECT id FROM num WHERE tu = 255 OR ti = -128 ORDER BY id
SELECT id, i / 0, i DIV 0, i % 0, MOD(i, 0) FROM num WHERE id < 6 ORDER BY id
SELECT i / ti FROM num ORDER BY id
SELECT SUM(i / ti) FROM num
SELECT SUM(i) / SUM(ti), SUM(i) / COUNT(*), SUM(d) * 2, AVG(i) + 1 FROM num
SELECT id, i + ti, i - ti, i * ti, i / 3, i DIV 3, i % 3, -i FROM num ORDER BY id
SELECT id, d + i, d * d, d / 7, d % 1, ROUND(d, 1), TRUNCATE(d, 1), CEIL(d), FLOOR(d) FROM num ORDER BY id
SELECT id, ROUND(d6, 3), d6 * d, d6 / d FROM num ORDER BY id
SELECT id, f + 1, db * 2, f / 4, ROUND(db), ROUND(db, 1) FROM num ORDER BY id
SELECT id, bu + 0, bi + 0e0, bi DIV 1000000, bu DIV 3 FROM num ORDER BY id
SELECT id, bi + 1 FROM num WHERE bi = 9223372036854775807
SELECT id, bu - 1 FROM num WHERE bu = 0
SELECT id, CAST(bu AS SIGNED), CAST(bi AS UNSIGNED) FROM num ORDER BY id
SELECT id, CAST(d AS SIGNED), CAST(d AS CHAR), CAST(d AS DECIMAL(5,1)), CAST(db AS DECIMAL(10,3)) FROM num ORDER BY id
SELECT id, CAST(i AS CHAR), CONCAT(i, ''), i + '', '5' + i FROM num ORDER BY id
SELECT id, g + 0 FROM txt ORDER BY id
SELECT SUM(g) FROM txt
SELECT id, g * 1 AS n FROM txt ORDER BY n, id
SELECT id FROM txt WHERE g = 10 ORDER BY id
SELECT id FROM txt WHERE g > 5 ORDER BY id
SELECT id FROM txt WHERE g = 0 ORDER BY id
SELECT id, ~i, i & 3, i | 8, i ^ 5, i << 2, i >> 1, BIT_COUNT(i) FROM num ORDER BY id
SELECT id, HEX(i), OCT(i), BIN(i), CONV(i, 10, 16) FROM num ORDER BY id
SELECT id, ABS(i), SIGN(i), POW(ti, 2), SQRT(tu), MOD(i, 3) FROM num WHERE id < 40 ORDER BY id
SELECT FORMAT(d, 1), FORMAT(d6, 2) FROM num ORDER BY id
SELECT COUNT(*), SUM(1), SUM(1.5), SUM(id), AVG(id), MAX(id) - MIN(id) FROM num
SELECT COUNT(*) * 2, SUM(i) + SUM(ti), AVG(i) / 2 FROM num GROUP BY y HAVING COUNT(*) > 3 ORDER BY 1, 2, 3
SELECT i % 3 AS m, SUM(d), AVG(d6), MIN(db) FROM num GROUP BY m ORDER BY m
SELECT i % 3, COUNT(*) FROM num GROUP BY 1 ORDER BY 1
SELECT ROUND(AVG(d), 2), ROUND(SUM(d6), 1), TRUNCATE(AVG(i), 0) FROM num
SELECT SUM(i = 1), SUM(i > 1), SUM(i IS NULL), AVG(i > 0) FROM num
SELECT MAX(i + ti), MIN(i * 2), SUM(i * d), SUM(ABS(i)) FROM num
SELECT SUM(price * qty), SUM(price) * SUM(qty), AVG(price * qty) FROM item
SELECT sku, SUM(qty), SUM(price * qty), AVG(price), COUNT(DISTINCT ord_id) FROM item GROUP BY sku ORDER BY sku
SELECT sku, SUM(qty) AS q FROM item GROUP BY sku HAVING q > 20 ORDER BY q DESC, sku
SELECT cust_id, SUM(total) AS t FROM ord GROUP BY cust_id HAVING SUM(total) > 100 ORDER BY t DESC, cust_id LIMIT 5
SELECT STDDEV(i), STDDEV_POP(i), STDDEV_SAMP(i), VAR_POP(i), VAR_SAMP(i) FROM num WHERE id IN (10, 11)
SELECT ROUND(STD(i), 4), ROUND(VARIANCE(d), 4) FROM num WHERE d < 100
SELECT id, id = 5, id <> 5, id < 5, id <=> 5, NOT id FROM num WHERE id < 10 ORDER BY id
SELECT 1 + 1, 1 / 3, 10 DIV 3, 5 % 3, 2 * 1.50, 1e0 / 3, -7 DIV 2, -7 % 3, 0.1 + 0.2
SELECT 18446744073709551615 + 1
SELECT 9223372036854775807 + 1
SELECT 1 = '1', '1' = '01', 'a' = 0, 1 < '2', NULL = NULL, 0x41 = 'A', 0x41 + 0
SELECT GREATEST(1, 2.5, '3'), LEAST(1, '0.5'), IF(1, 2, 'x'), COALESCE(NULL, 1.50, 'y')
SELECT IF(i > 1, i, d), IF(i > 1, d, db), CASE WHEN i > 1 THEN i ELSE 'x' END FROM num ORDER BY id
SELECT IFNULL(i, d), IFNULL(ti, bu), COALESCE(ti, si, mi), NULLIF(i, ti) FROM num ORDER BY id
SELECT RAND(1) < 2, PI(), FLOOR(PI()) FROM num WHERE id = 5
SELECT ELT(i, 'a', 'b', 'c'), FIELD(i, 3, 2, 1), INTERVAL(i, 1, 3, 5) FROM num ORDER BY id
SELECT ti, tu, ti - tu FROM num WHERE ti >= tu ORDER BY id
SELECT tu - ti FROM num WHERE ti < 0 AND tu IS NOT NULL ORDER BY id
SELECT tu - 300 FROM num WHERE tu = 0
SELECT MAX(bu), MAX(bu) + 0.5, MIN(bi) + 0 FROM num
SELECT SUM(bu) > SUM(bi), SUM(bu) - SUM(bi) FROM num
SELECT y, y + 1, y = 2024, y = 24 FROM num ORDER BY id
