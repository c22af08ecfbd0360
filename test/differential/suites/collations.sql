# Text: case, accents, trailing blanks, collations and character sets
SELECT id, g FROM txt WHERE g = 'apple' ORDER BY id
SELECT id, g FROM txt WHERE g = 'APPLE  ' ORDER BY id
SELECT id, g FROM txt WHERE g = 'apfel' ORDER BY id
SELECT id, u FROM txt WHERE u = 'apfel' ORDER BY id
SELECT id, bn FROM txt WHERE bn = 'apple' ORDER BY id
SELECT id, bn FROM txt WHERE bn = 'APPLE' ORDER BY id
SELECT id, bn FROM txt WHERE bn COLLATE utf8mb4_general_ci = 'APPLE' ORDER BY id
SELECT id, g FROM txt WHERE g COLLATE utf8mb4_bin = 'apple' ORDER BY id
SELECT id, g FROM txt WHERE BINARY g = 'apple' ORDER BY id
SELECT id, l FROM txt WHERE l = 'ANN' ORDER BY id
SELECT id, l FROM txt WHERE l = 'zoë' ORDER BY id
SELECT id, l FROM txt WHERE l = 'zoe' ORDER BY id
SELECT id, c FROM txt WHERE c = 'b' ORDER BY id
SELECT id, c, LENGTH(c), CHAR_LENGTH(c) FROM txt ORDER BY id
SELECT id, g, LENGTH(g), CHAR_LENGTH(g) FROM txt ORDER BY id
SELECT id, g FROM txt ORDER BY g, id
SELECT id, g FROM txt ORDER BY g DESC, id DESC
SELECT id, u FROM txt ORDER BY u, id
SELECT id, u FROM txt ORDER BY u DESC, id LIMIT 12 OFFSET 3
SELECT id, bn FROM txt ORDER BY bn, id
SELECT id, bn FROM txt ORDER BY bn DESC, id LIMIT 20
SELECT id, l FROM txt ORDER BY l, id
SELECT id, c FROM txt ORDER BY c, id
SELECT id, t FROM txt ORDER BY t, id
SELECT id, vb FROM txt ORDER BY vb, id
SELECT id, vb, HEX(vb), LENGTH(vb) FROM txt ORDER BY vb DESC, id DESC
SELECT id, g FROM txt ORDER BY g COLLATE utf8mb4_bin, id
SELECT id, bn FROM txt ORDER BY bn COLLATE utf8mb4_unicode_ci, id
SELECT id, code FROM txt ORDER BY code, id LIMIT 30
SELECT UPPER(RTRIM(g)) AS k, COUNT(*) FROM txt GROUP BY UPPER(RTRIM(g)) ORDER BY k
SELECT g, COUNT(*) FROM txt GROUP BY g ORDER BY g
SELECT u, COUNT(*) FROM txt GROUP BY u ORDER BY u
SELECT bn, COUNT(*) FROM txt GROUP BY bn ORDER BY bn
SELECT l, COUNT(*) FROM txt GROUP BY l ORDER BY l
SELECT c, COUNT(*) FROM txt GROUP BY c ORDER BY c
SELECT vb, COUNT(*) FROM txt GROUP BY vb ORDER BY vb
SELECT HEX(vb), COUNT(*), MIN(id) FROM txt GROUP BY vb ORDER BY vb
SELECT COUNT(DISTINCT g), COUNT(DISTINCT u), COUNT(DISTINCT bn), COUNT(DISTINCT l), COUNT(DISTINCT c), COUNT(DISTINCT vb) FROM txt
SELECT COUNT(DISTINCT g COLLATE utf8mb4_bin), COUNT(DISTINCT bn COLLATE utf8mb4_general_ci) FROM txt
SELECT DISTINCT g FROM txt ORDER BY g
SELECT DISTINCT u FROM txt ORDER BY u DESC
SELECT DISTINCT bn FROM txt ORDER BY bn
SELECT DISTINCT vb FROM txt ORDER BY vb
SELECT DISTINCT l, c FROM txt ORDER BY l, c
SELECT MIN(g), MAX(g), MIN(bn), MAX(bn) FROM txt
SELECT MIN(u), MAX(u), MIN(l), MAX(l), MIN(c), MAX(c) FROM txt
SELECT MIN(vb), MAX(vb), HEX(MIN(vb)), HEX(MAX(vb)) FROM txt
SELECT MIN(BINARY g), MAX(BINARY g) FROM txt
SELECT code, MIN(bn), MAX(bn) FROM txt GROUP BY code ORDER BY code
SELECT id, g FROM txt WHERE g LIKE 'a%' ORDER BY id
SELECT id, g FROM txt WHERE g LIKE 'A%' COLLATE utf8mb4_bin ORDER BY id
SELECT id, bn FROM txt WHERE bn LIKE 'a%' ORDER BY id
SELECT id, g FROM txt WHERE g LIKE '%\_%' ORDER BY id
SELECT id, g FROM txt WHERE g LIKE '%|%%' ESCAPE '|' ORDER BY id
SELECT id, g FROM txt WHERE g LIKE 'a\\\\b' ORDER BY id
SELECT id, g FROM txt WHERE g REGEXP '^[a-f]' ORDER BY id
SELECT id, g FROM txt WHERE g RLIKE 'pp' ORDER BY id
SELECT id, g FROM txt WHERE g > 'm' ORDER BY id
SELECT id, g FROM txt WHERE g BETWEEN 'a' AND 'g' ORDER BY id
SELECT id, g FROM txt WHERE g IN ('APPLE', 'fig', '') ORDER BY id
SELECT id, bn FROM txt WHERE bn IN ('APPLE', 'fig', '') ORDER BY id
SELECT id, code FROM txt WHERE code = 'K1' ORDER BY id
SELECT id, code FROM txt WHERE code = 'ke1' ORDER BY id
SELECT id, code FROM txt WHERE code IN ('k1', 'KEY2', 'kÉ3') ORDER BY id
SELECT id, code FROM txt WHERE code = 'k1 ' ORDER BY id
SELECT id, code FROM txt WHERE code LIKE 'K1' ORDER BY id
SELECT id, code FROM txt WHERE code COLLATE utf8mb4_bin = 'k1' ORDER BY id
SELECT a.id, b.id FROM txt a JOIN txt b ON a.g = b.g WHERE a.id < b.id ORDER BY 1, 2
SELECT a.id, b.id FROM txt a JOIN txt b ON a.code = b.code WHERE a.id < b.id ORDER BY 1, 2
SELECT a.id, b.id FROM txt a JOIN txt b ON a.bn = b.bn WHERE a.id < b.id ORDER BY 1, 2
SELECT a.id, b.id FROM txt a JOIN txt b ON a.vb = b.vb WHERE a.id < b.id ORDER BY 1, 2
SELECT a.id, b.id FROM txt a JOIN txt b ON a.l = b.g WHERE a.id < b.id ORDER BY 1, 2
SELECT a.id, b.id FROM txt a JOIN txt b ON a.g = b.u
SELECT a.id, c.id FROM txt a JOIN cust c ON a.l = c.name ORDER BY 1, 2
SELECT t.id, d.label FROM txt t JOIN doc d ON d.label = t.bn ORDER BY 1, 2
SELECT g FROM txt WHERE id < 5 UNION SELECT bn FROM txt
SELECT g FROM txt UNION SELECT title FROM dun.sku ORDER BY 1
SELECT bn FROM txt INTERSECT SELECT sku FROM dun.sku
SELECT id, e, e + 0 FROM txt ORDER BY e, id
SELECT e, COUNT(*) FROM txt GROUP BY e ORDER BY e
SELECT e, COUNT(*) FROM txt GROUP BY e ORDER BY e DESC
SELECT DISTINCT e FROM txt ORDER BY e
SELECT MIN(e), MAX(e), MIN(s), MAX(s) FROM txt
SELECT id FROM txt WHERE e = 2 ORDER BY id
SELECT id FROM txt WHERE e = 'MEDIUM' ORDER BY id
SELECT id FROM txt WHERE e > 'm' ORDER BY id
SELECT id FROM txt WHERE e > 1 ORDER BY id
SELECT id, s, s + 0 FROM txt ORDER BY s, id
SELECT s, COUNT(*) FROM txt GROUP BY s ORDER BY s
SELECT id FROM txt WHERE FIND_IN_SET('b', s) ORDER BY id
SELECT id FROM txt WHERE s = 'a,b' ORDER BY id
SELECT id FROM txt WHERE s & 2 ORDER BY id
SELECT tier, COUNT(*), SUM(credit) FROM cust GROUP BY tier ORDER BY tier
SELECT tier, COUNT(*) FROM cust GROUP BY tier HAVING tier IS NOT NULL ORDER BY CAST(tier AS CHAR)
SELECT UPPER(g), LOWER(g), REVERSE(g), LEFT(g, 2), RIGHT(g, 2) FROM txt ORDER BY id
SELECT SUBSTRING(g, 2, 3), SUBSTRING_INDEX(t, ' ', 1), LPAD(g, 4, 'x'), RPAD(c, 5, 'é') FROM txt ORDER BY id
SELECT HEX(g), HEX(l), HEX(CONVERT(l USING utf8mb4)) FROM txt ORDER BY id
SELECT CHARSET(g), COLLATION(g), CHARSET(l), COLLATION(bn), COERCIBILITY(g) FROM txt ORDER BY id LIMIT 1
SELECT g < u FROM txt
SELECT GROUP_CONCAT(bn ORDER BY bn, id), GROUP_CONCAT(DISTINCT bn ORDER BY bn SEPARATOR '') FROM txt
SELECT l, GROUP_CONCAT(id ORDER BY id) FROM txt GROUP BY l ORDER BY l
SELECT WEIGHT_STRING(g), WEIGHT_STRING(u) FROM txt ORDER BY id LIMIT 10
SELECT STRCMP(g, 'fig'), g <=> 'fig', SOUNDEX(bn) FROM txt ORDER BY id
SELECT RANK() OVER (ORDER BY g) AS r, id FROM txt ORDER BY r, id
SELECT id, ROW_NUMBER() OVER (PARTITION BY l ORDER BY id) FROM txt ORDER BY id
SELECT UPPER(name), COUNT(*) FROM region GROUP BY UPPER(name) ORDER BY 1
SELECT CONCAT(g, u) FROM txt
SELECT CONCAT(g, bn) FROM txt ORDER BY id
SELECT CONCAT(g, l) FROM txt ORDER BY id
SELECT REPLACE(t, 'a', 'A'), INSTR(t, 'P'), LOCATE('p', t, 3) FROM txt ORDER BY id
# Different under their weights, which have the blanks, they are one value all the same.
SELECT DISTINCT w, a FROM pair ORDER BY w DESC, a DESC
SELECT DISTINCT t0.w AS x1, t0.a, HEX(b'1') FROM pair t0 ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT 0, 10
SELECT DISTINCT name, region_id, id FROM cust ORDER BY name, id LIMIT 12
