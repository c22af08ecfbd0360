-- Statements of MySQL 8 and MariaDB along the grammar, one a line; each must be read, printed and read again.
-- literals
select 1
select -1
select - -1
select +1
select 1.5
select .5
select 5.
select 1e10
select 1E-3
select 1.5e+2
select 0x1F
select x'1f'
select X'1F'
select 0b101
select b'101'
select B'101'
select 'it''s'
select "dq"
select 'a' 'b'
select 'a' "b" 'c'
select N'x'
select n'x'
select _utf8mb4'x'
select _latin1 x'41'
select _binary 0x41
select _utf8mb4 'a' 'b'
select null
select NULL
select true
select FALSE
select date '2020-01-01'
select time '10:00:00'
select timestamp '2020-01-01 10:00:00'
select {d '2020-01-01'}
select {t '10:00:00'}
select {ts '2020-01-01 10:00:00'}
select 'a\\b'
select 'a\'b'
select '\n\t\0\Z\%\_'
select ''
select ""
select 18446744073709551615
select -9223372036854775808
select 99999999999999999999.999
select _utf8mb4'ключ' collate utf8mb4_bin
select '😀'
-- operators
select a + b from t1
select a - b from t1
select a * b from t1
select a / b from t1
select a div b from t1
select a % b from t1
select a mod b from t1
select a ^ b from t1
select  b from t1
select a & b from t1
select a << 2 from t1
select a >> 2 from t1
select -a from t1
select +a from t1
select ~a from t1
select !a from t1
select not a from t1
select a = b from t1
select a <=> b from t1
select a <> b from t1
select a != b from t1
select a < b from t1
select a <= b from t1
select a > b from t1
select a >= b from t1
select a and b from t1
select a && b from t1
select a or b from t1
select a xor b from t1
select a is null from t1
select a is not null from t1
select a is true from t1
select a is not true from t1
select a is false from t1
select a is not false from t1
select a is unknown from t1
select a is not unknown from t1
select a in (1) from t1
select a in (1, 2, 3) from t1
select a not in (1, 2) from t1
select a in (select b from t2) from t1
select a not in (select b from t2 where t2.a = t1.a) from t1
select (a, b) in ((1, 2), (3, 4)) from t1
select (a, b) = (1, 2) from t1
select row(a, b) <=> row(1, null) from t1
select a between 1 and 2 from t1
select a not between b and b + 10 from t1
select a like 'x%' from t1
select a not like 'x%' from t1
select a regexp '^x' from t1
select a not regexp 'x$' from t1
select a rlike 'x' from t1
select a not rlike 'x' from t1
select a sounds like b from t1
select a collate utf8mb4_bin from t1
select binary a from t1
select a = binary b from t1
select a collate utf8mb4_bin = b from t1
select a + interval 1 day from t1
select a - interval '1:30' minute_second from t1
select interval 2 month + a from t1
select @x from t1
select @x := 1 from t1
select @x := @x + a from t1
select @`a b` from t1
select @'quoted' from t1
select @@version from t1
select @@global.max_connections from t1
select @@session.sql_mode from t1
select @@local.autocommit from t1
select exists (select 1 from t2) from t1
select not exists (select 1 from t2 where t2.id = t1.id) from t1
select (select max(b) from t2) from t1
select (select 1) + (select 2) from t1
select a = any (select b from t2) from t1
select a > all (select b from t2) from t1
select a <> some (select b from t2) from t1
select case a when 1 then 'x' end from t1
select case a when 1 then 'x' when 2 then 'y' else 'z' end from t1
select case when a > 1 then b else c end from t1
select ((a)) from t1
select (a + b) * c from t1
select a + (b * c) from t1
select a - (b - c) from t1
select (a = b) = c from t1
select a = (b = c) from t1
select not (a and b) from t1
select not a = b from t1
select (not a) = b from t1
select a or b and c from t1
select (a or b) and c from t1
select a xor b or c from t1
select a is null = b from t1
select (a is true) is null from t1
select a between b and c and d from t1
select a = b is null from t1
select - (-a) from t1
select !(a = b) from t1
select -a * -b from t1
select  b & c ^ d from t1
select a << b + c from t1
select (a << b) + c from t1
select 1 in (1, 2) and 2 not in (3) from t1
select a like concat(b, '%') from t1
select a -> '$.x' from t1
select a ->> '$.x.y[0]' from t1
select t1.a ->> '$."k k"' from t1
select 1 from t1 where a + b
select 1 from t1 where a - b
select 1 from t1 where a * b
select 1 from t1 where a / b
select 1 from t1 where a div b
select 1 from t1 where a % b
select 1 from t1 where a mod b
select 1 from t1 where a ^ b
select 1 from t1 where  b
select 1 from t1 where a & b
select 1 from t1 where a << 2
select 1 from t1 where a >> 2
select 1 from t1 where -a
select 1 from t1 where +a
select 1 from t1 where ~a
select 1 from t1 where !a
select 1 from t1 where not a
select 1 from t1 where a = b
select 1 from t1 where a <=> b
select 1 from t1 where a <> b
select 1 from t1 where a != b
select 1 from t1 where a < b
select 1 from t1 where a <= b
select 1 from t1 where a > b
select 1 from t1 where a >= b
select 1 from t1 where a and b
select 1 from t1 where a && b
select 1 from t1 where a or b
select 1 from t1 where a xor b
select 1 from t1 where a is null
select 1 from t1 where a is not null
select 1 from t1 where a is true
select 1 from t1 where a is not true
select 1 from t1 where a is false
select 1 from t1 where a is not false
select 1 from t1 where a is unknown
select 1 from t1 where a is not unknown
select 1 from t1 where a in (1)
select 1 from t1 where a in (1, 2, 3)
select 1 from t1 where a not in (1, 2)
select 1 from t1 where a in (select b from t2)
select 1 from t1 where a not in (select b from t2 where t2.a = t1.a)
select 1 from t1 where (a, b) in ((1, 2), (3, 4))
select 1 from t1 where (a, b) = (1, 2)
select 1 from t1 where row(a, b) <=> row(1, null)
select 1 from t1 where a between 1 and 2
select 1 from t1 where a not between b and b + 10
select 1 from t1 where a like 'x%'
select 1 from t1 where a not like 'x%'
select 1 from t1 where a regexp '^x'
select 1 from t1 where a not regexp 'x$'
select 1 from t1 where a rlike 'x'
select 1 from t1 where a not rlike 'x'
select 1 from t1 where a sounds like b
select 1 from t1 where a collate utf8mb4_bin
select 1 from t1 where binary a
select 1 from t1 where a = binary b
select 1 from t1 where a collate utf8mb4_bin = b
select 1 from t1 where a + interval 1 day
select 1 from t1 where a - interval '1:30' minute_second
select 1 from t1 where interval 2 month + a
select 1 from t1 where @x
select 1 from t1 where @x := 1
select 1 from t1 where @x := @x + a
select 1 from t1 where @`a b`
select 1 from t1 where @'quoted'
select 1 from t1 where @@version
select 1 from t1 where @@global.max_connections
select 1 from t1 where @@session.sql_mode
select 1 from t1 where @@local.autocommit
select 1 from t1 where exists (select 1 from t2)
select 1 from t1 where not exists (select 1 from t2 where t2.id = t1.id)
select 1 from t1 where (select max(b) from t2)
select 1 from t1 where (select 1) + (select 2)
select 1 from t1 where a = any (select b from t2)
select 1 from t1 where a > all (select b from t2)
select 1 from t1 where a <> some (select b from t2)
select 1 from t1 where case a when 1 then 'x' end
select 1 from t1 where case a when 1 then 'x' when 2 then 'y' else 'z' end
select 1 from t1 where case when a > 1 then b else c end
select 1 from t1 where ((a))
select 1 from t1 where (a + b) * c
select 1 from t1 where a + (b * c)
select 1 from t1 where a - (b - c)
select 1 from t1 where (a = b) = c
select 1 from t1 where a = (b = c)
select 1 from t1 where not (a and b)
select 1 from t1 where not a = b
select 1 from t1 where (not a) = b
select 1 from t1 where a or b and c
select 1 from t1 where (a or b) and c
select 1 from t1 where a xor b or c
select 1 from t1 where a is null = b
select 1 from t1 where (a is true) is null
select 1 from t1 where a between b and c and d
select 1 from t1 where a = b is null
select 1 from t1 where - (-a)
select 1 from t1 where !(a = b)
select 1 from t1 where -a * -b
select 1 from t1 where  b & c ^ d
select 1 from t1 where a << b + c
select 1 from t1 where (a << b) + c
select 1 from t1 where 1 in (1, 2) and 2 not in (3)
select 1 from t1 where a like concat(b, '%')
select 1 from t1 where a -> '$.x'
select 1 from t1 where a ->> '$.x.y[0]'
select 1 from t1 where t1.a ->> '$."k k"'
select a | b from t1
select a | b & c ^ d from t1
select a like 'x|%' escape '|' from t1
select a member of ('[1, 2]') from t1
select json_col member of (other) from t1
-- functions with syntax of their own
select cast(a as signed) from t1
select cast(a as unsigned) from t1
select cast(a as signed integer) from t1
select cast(a as unsigned int) from t1
select cast(a as char) from t1
select cast(a as char(10)) from t1
select cast(a as char(10) character set utf8mb4) from t1
select cast(a as char charset latin1) from t1
select cast(a as nchar(5)) from t1
select cast(a as binary) from t1
select cast(a as binary(16)) from t1
select cast(a as decimal) from t1
select cast(a as decimal(10)) from t1
select cast(a as decimal(10, 2)) from t1
select cast(a as date) from t1
select cast(a as datetime) from t1
select cast(a as datetime(6)) from t1
select cast(a as time(3)) from t1
select cast(a as year) from t1
select cast(a as json) from t1
select cast(a as float) from t1
select cast(a as double) from t1
select cast(a as real) from t1
select cast(a as char ascii) from t1
select cast(a as unsigned array) from t1
select convert(a, signed) from t1
select convert(a, char(5)) from t1
select convert(a using utf8mb4) from t1
select convert(a using binary) from t1
select extract(year from d) from t1
select extract(day_microsecond from d) from t1
select extract(year_month from now()) from t1
select trim(a) from t1
select trim('x' from a) from t1
select trim(leading from a) from t1
select trim(leading 'x' from a) from t1
select trim(trailing 'x' from a) from t1
select trim(both from a) from t1
select trim(both 'x' from a) from t1
select substring(a, 2) from t1
select substring(a, 2, 3) from t1
select substring(a from 2) from t1
select substring(a from 2 for 3) from t1
select substr(a, 1, 2) from t1
select substr(a from 1) from t1
select mid(a, 1, 2) from t1
select position('x' in a) from t1
select char(65, 66) from t1
select char(65 using utf8mb4) from t1
select weight_string(a) from t1
select weight_string(a as char(3)) from t1
select weight_string(a as binary(3)) from t1
select get_format(date, 'EUR') from t1
select get_format(datetime, 'ISO') from t1
select timestampadd(day, 1, d) from t1
select timestampadd(sql_tsi_week, 1, d) from t1
select timestampdiff(minute, a, b) from t1
select date_add(d, interval 1 day) from t1
select date_sub(d, interval a + 1 hour) from t1
select adddate(d, 10) from t1
select adddate(d, interval 10 week) from t1
select subdate(d, interval '1 2' day_hour) from t1
select interval(a, 1, 2, 3) from t1
select match (a) against ('x') from t1
select match (a, b) against ('x' in boolean mode) from t1
select match (a) against ('x' in natural language mode) from t1
select match (a) against ('x' in natural language mode with query expansion) from t1
select match (a) against ('x' with query expansion) from t1
select match a against ('+x -y' in boolean mode) from t1
select json_value(a, '$.x') from t1
select json_value(a, '$.x' returning signed) from t1
select json_value(a, '$.x' returning decimal(4, 2) null on empty error on error) from t1
select json_value(a, '$.x' default 'd' on empty) from t1
select left(a, 2) from t1
select right(a, 2) from t1
select if(a, b, c) from t1
select ifnull(a, b) from t1
select nullif(a, b) from t1
select coalesce(a, b, c) from t1
select replace(a, 'x', 'y') from t1
select insert(a, 1, 2, 'x') from t1
select repeat('x', 3) from t1
select mod(a, 2) from t1
select truncate(a, 2) from t1
select database() from t1
select schema() from t1
select user() from t1
select current_user from t1
select current_user() from t1
select current_date from t1
select current_date() from t1
select current_time(3) from t1
select current_timestamp from t1
select current_timestamp(6) from t1
select now() from t1
select now(6) from t1
select sysdate() from t1
select localtime from t1
select localtime(2) from t1
select localtimestamp from t1
select utc_date from t1
select utc_time() from t1
select utc_timestamp(3) from t1
select curdate() from t1
select curtime() from t1
select year(d) from t1
select month(d) from t1
select day(d) from t1
select hour(d) from t1
select minute(d) from t1
select second(d) from t1
select week(d, 1) from t1
select quarter(d) from t1
select microsecond(d) from t1
select date(d) from t1
select time(d) from t1
select timestamp(d) from t1
select timestamp(d, '10:00') from t1
select ascii(a) from t1
select charset(a) from t1
select collation(a) from t1
select password('x') from t1
select format(a, 2) from t1
select reverse(a) from t1
select rand() from t1
select rand(5) from t1
select row_count() from t1
select last_insert_id() from t1
select found_rows() from t1
select uuid() from t1
select sleep(0) from t1
select concat(a, b) from t1
select concat_ws(',', a, b) from t1
select greatest(1, 2) from t1
select point(1, 2) from t1
select st_astext(point(1, 2)) from t1
select values(a) from t1
select default(a) from t1
select ks.func(a) from t1
select `weird name`(1) from t1
select next value for s1 from t1
select lastval(s1) from t1
select f() from t1
select substring_index(a, '.', 1) from t1
select json_object('a', 1) from t1
select json_array(1, 2) from t1
select json_extract(a, '$.b') from t1
select grouping(a) from t1
-- aggregates and windows
select count(*) from t1
select count(a) from t1
select count(distinct a) from t1
select count(distinct a, b) from t1
select sum(a) from t1
select sum(distinct a) from t1
select sum(all a) from t1
select avg(a) from t1
select min(a) from t1
select max(distinct a) from t1
select bit_and(a) from t1
select bit_or(a) from t1
select bit_xor(a) from t1
select std(a) from t1
select stddev(a) from t1
select stddev_pop(a) from t1
select stddev_samp(a) from t1
select variance(a) from t1
select var_pop(a) from t1
select var_samp(a) from t1
select group_concat(a) from t1
select group_concat(distinct a order by b desc separator '; ') from t1
select group_concat(a, b order by 1) from t1
select group_concat(a limit 3) from t1
select json_arrayagg(a) from t1
select json_objectagg(a, b) from t1
select row_number() over () from t1
select row_number() over (order by a) from t1
select rank() over (partition by a order by b desc) from t1
select dense_rank() over w from t1
select percent_rank() over (order by a) from t1
select cume_dist() over (order by a) from t1
select ntile(4) over (order by a) from t1
select lag(a) over (order by b) from t1
select lag(a, 2) over (order by b) from t1
select lead(a, 1, 0) over (order by b) from t1
select first_value(a) over (order by b) from t1
select first_value(a) respect nulls over (order by b) from t1
select last_value(a) over (order by b rows between unbounded preceding and unbounded following) from t1
select nth_value(a, 2) over (order by b) from t1
select nth_value(a, 2) from first over (order by b) from t1
select sum(a) over (order by b rows unbounded preceding) from t1
select sum(a) over (order by b rows 2 preceding) from t1
select sum(a) over (order by b rows between 1 preceding and 1 following) from t1
select sum(a) over (order by b range between interval 1 day preceding and current row) from t1
select avg(a) over (partition by b, c) from t1
select count(*) over w from t1
select sum(a) over (w order by b) from t1
select median(a) over (partition by b) from t1
select percentile_cont(0.5) within group (order by a) over (partition by b) from t1
select sum(a) over w, count(*) over w2 from t1 window w as (partition by b), w2 as (w order by c)
-- select lists, options and hints
select all a from t1
select distinct a from t1
select distinctrow a from t1
select straight_join a from t1
select high_priority a from t1
select sql_small_result a from t1
select sql_big_result a from t1
select sql_buffer_result a from t1
select sql_calc_found_rows a from t1
select sql_no_cache a from t1
select distinct straight_join sql_no_cache a from t1
select * from t1
select t1.* from t1
select ks.t1.* from t1
select t1.*, a from t1
select a, t1.* from t1
select a as b from t1
select a b from t1
select a as 'b c' from t1
select a 'b' from t1
select a "b" from t1
select a as `b``c` from t1
select t1.a from t1
select ks.t1.a from t1
select `a` from t1
select `t1`.`a` from t1
select 1 as one from t1
select 'x' as name from t1
select count(*) total from t1
select a as date from t1
select a date from t1
select a value from t1
select a as end from t1
select /*+ MAX_EXECUTION_TIME(1000) */ a from t1
select /*+ NO_INDEX_MERGE(t1) BKA(t2) */ * from t1 join t2
insert /*+ SET_VAR(foreign_key_checks=off) */ into t1 values (1)
update /*+ NO_MERGE(t1) */ t1 set a = 1
delete /*+ JOIN_ORDER(t1) */ from t1
select 1 /* c */ + /* d */ 2
select 1 -- comment
select 1 # comment
select /*! 1 */ + 1
select 1 /*!99999999 + 1 */
select 1 /*M!100100 + 1 */
/* lead */ select 1
select 1;
select 1 from dual
select 1 from dual where 1 = 1
select a from t1 where a = ?
-- table references
select * from ks.t1
select * from `ks`.`t1`
select * from t1 as x
select * from t1 x
select * from t1, t2
select * from t1 x, t2 as y
select * from t1 join t2
select * from t1 inner join t2
select * from t1 cross join t2
select * from t1 straight_join t2
select * from t1 join t2 on t1.a = t2.a
select * from t1 straight_join t2 on t1.a = t2.a
select * from t1 join t2 using (a)
select * from t1 join t2 using (a, b)
select * from t1 left join t2 on t1.a = t2.a
select * from t1 left outer join t2 on true
select * from t1 right join t2 on t1.a = t2.a
select * from t1 right outer join t2 using (a)
select * from t1 natural join t2
select * from t1 natural left join t2
select * from t1 natural right outer join t2
select * from t1 natural inner join t2
select * from t1 join t2 on t1.a = t2.a join t3 on t2.b = t3.b
select * from t1 left join t2 on t1.a = t2.a left join t3 on t2.b = t3.b
select * from t1 left join t2 join t3 on t2.b = t3.b on t1.a = t2.a
select * from t1 left join (t2 join t3 on t2.b = t3.b) on t1.a = t2.a
select * from t1 left join (t2, t3) on t1.a = t2.a
select * from (t1 join t2 on t1.a = t2.a) left join t3 on t3.a = t1.a
select * from t1 join t2 left join t3 on t3.a = t2.a
select * from (t1)
select * from ((t1))
select * from (t1, t2)
select * from (t1 join t2)
select * from (select 1) d
select * from (select 1) as d
select * from (select a from t2) as d (x)
select * from (select a, b from t2 limit 3) d
select * from ((select 1)) d
select * from ((select 1) union (select 2)) d
select * from (select 1 union select 2) d
select * from t1, lateral (select t1.a) d
select * from t1 join lateral (select t2.a from t2 where t2.b = t1.b) d on true
select * from t1 use index (i1)
select * from t1 use index ()
select * from t1 force index (i1, i2)
select * from t1 ignore key (i1)
select * from t1 use index for join (i1)
select * from t1 force index for order by (i1)
select * from t1 ignore index for group by (i1)
select * from t1 use index (primary)
select * from t1 x use index (i1) ignore index (i2)
select * from t1 partition (p0)
select * from t1 partition (p0, p1) as x
select * from json_table('[1,2]', '$[*]' columns (a int path '$')) as jt
select * from json_table(t1.doc, '$.a[*]' columns (id for ordinality, x varchar(10) path '$.x' default 'd' on empty null on error, y int exists path '$.y', nested path '$.z[*]' columns (w json path '$'))) jt
select * from {oj t1 left outer join t2 on t1.a = t2.a}
select * from t1 for system_time as of timestamp '2020-01-01'
select * from t1 for system_time all
select * from t1 for system_time between '2020-01-01' and '2021-01-01'
select * from t1 for system_time from '2020-01-01' to now()
select * from information_schema.tables
select * from t1 join t2 on t1.a = t2.a and t2.b in (select c from t3)
-- clauses
select a from t1 where a = 1
select a from t1 where a = 1 and b = 2 or c = 3
select a from t1 group by a
select a from t1 group by a, b
select a from t1 group by 1
select a from t1 group by a desc
select a from t1 group by a with rollup
select a from t1 group by a, b with rollup having count(*) > 1
select a from t1 having a > 1
select a from t1 group by a having sum(b) > 10
select a from t1 order by a
select a from t1 order by a asc, b desc
select a from t1 order by 1
select a from t1 order by null
select a from t1 order by rand()
select a from t1 order by a collate utf8mb4_bin
select a from t1 order by field(a, 3, 1, 2)
select a from t1 limit 1
select a from t1 limit 5, 10
select a from t1 limit 10 offset 5
select a from t1 limit 0
select a from t1 limit ?
select a from t1 limit ?, ?
select a from t1 limit 10 rows examined 100
select a from t1 offset 5 rows fetch next 3 rows only
select a from t1 fetch first row only
select a from t1 order by a offset 2 rows fetch first 3 rows with ties
select a from t1 for update
select a from t1 for update nowait
select a from t1 for update skip locked
select a from t1 for update of t1
select a from t1 for update of t1 for share of t2
select a from t1 for share
select a from t1 for share of t1 nowait
select a from t1 lock in share mode
select a from t1 for update wait 5
select a from t1 where a = 1 group by b having count(*) > 2 order by c limit 3 for update
select a from t1 into @x
select a from t1 into @x, @y
select a from t1 limit 1 into @x
select a from t1 into outfile '/tmp/x'
select a from t1 into outfile '/tmp/x' character set utf8mb4 fields terminated by ',' optionally enclosed by '"' escaped by '\\' lines starting by '>' terminated by '\n'
select a from t1 into dumpfile '/tmp/x'
select a from t1 into @x for update
select a from t1 procedure analyse()
select a from t1 window w as (order by a)
-- set operations, VALUES and TABLE
select 1 union select 2
select 1 union all select 2
select 1 union distinct select 2
select 1 union select 2 union all select 3
select 1 intersect select 2
select 1 except select 2
select 1 intersect all select 2
select 1 except all select 2
select 1 union select 2 intersect select 3
select 1 intersect select 2 union select 3
(select 1 union select 2) intersect select 3
select 1 union (select 2 union all select 3)
(select 1) union (select 2)
(select 1 limit 1) union (select 2 limit 1)
(select a from t1 order by a limit 1) union all (select b from t2 order by b limit 1) order by 1 limit 1
select a from t1 union select b from t2 order by a
select a from t1 union select b from t2 limit 3
(select a from t1)
((select a from t1))
(select a from t1) order by a
(select a from t1 limit 5) limit 2
(select a from t1 order by a limit 5) order by a desc limit 2
(select 1 union select 2) order by 1
select 1 union select 2 for update
select * from t1 where a in (select 1 union select 2)
values row(1, 2)
values row(1, 2), row(3, 4) order by 1 limit 1
table t1
table ks.t1 order by a limit 3
select 1 union values row(2)
table t1 union table t2
select 1 union select 2 into @x
(values row(1)) union all (select 2)
select 1 except select 2 union all select 3 except select 4
-- common table expressions
with c as (select 1) select * from c
with c (x) as (select 1) select x from c
with a as (select 1), b as (select * from a) select * from b
with recursive c as (select 1 as n union all select n + 1 from c where n < 5) select * from c
with recursive c (n) as (select 1 union distinct select n + 1 from c where n < 5) select n from c order by n limit 2
with c as (select 1) select * from c union select 2
with c as (with d as (select 1) select * from d) select * from c
select * from (with c as (select 1) select * from c) d
with c as (select a from t1) update t2 join c on t2.a = c.a set t2.b = 1
with c as (select a from t1) delete from t2 where a in (select a from c)
insert into t1 with c as (select 1) select * from c
with c as (values row(1)) select * from c
with recursive c as (select 1 as a, 2 as b union all select b, a from c) cycle a, b restrict select * from c
select (with c as (select 1) select * from c)
create view v as with c as (select 1) select * from c
with c as (select 1) (select * from c) limit 1
-- insert and replace
insert into t1 values (1)
insert into t1 (a, b) values (1, 'x'), (2, default)
insert into t1 set a = 1, b = default
insert into t1 select a from t2
insert into ks.t1 (a) select a from t2 where b = 1
insert into t1 () values ()
insert t1 values (1)
insert t1 (a, b) values (1, 'x'), (2, default)
insert t1 set a = 1, b = default
insert t1 select a from t2
insert ks.t1 (a) select a from t2 where b = 1
insert t1 () values ()
insert ignore into t1 values (1)
insert ignore into t1 (a, b) values (1, 'x'), (2, default)
insert ignore into t1 set a = 1, b = default
insert ignore into t1 select a from t2
insert ignore into ks.t1 (a) select a from t2 where b = 1
insert ignore into t1 () values ()
insert low_priority into t1 values (1)
insert low_priority into t1 (a, b) values (1, 'x'), (2, default)
insert low_priority into t1 set a = 1, b = default
insert low_priority into t1 select a from t2
insert low_priority into ks.t1 (a) select a from t2 where b = 1
insert low_priority into t1 () values ()
insert delayed ignore into t1 values (1)
insert delayed ignore into t1 (a, b) values (1, 'x'), (2, default)
insert delayed ignore into t1 set a = 1, b = default
insert delayed ignore into t1 select a from t2
insert delayed ignore into ks.t1 (a) select a from t2 where b = 1
insert delayed ignore into t1 () values ()
insert high_priority into t1 values (1)
insert high_priority into t1 (a, b) values (1, 'x'), (2, default)
insert high_priority into t1 set a = 1, b = default
insert high_priority into t1 select a from t2
insert high_priority into ks.t1 (a) select a from t2 where b = 1
insert high_priority into t1 () values ()
replace into t1 values (1)
replace into t1 (a, b) values (1, 'x'), (2, default)
replace into t1 set a = 1, b = default
replace into t1 select a from t2
replace into ks.t1 (a) select a from t2 where b = 1
replace into t1 () values ()
replace t1 values (1)
replace t1 (a, b) values (1, 'x'), (2, default)
replace t1 set a = 1, b = default
replace t1 select a from t2
replace ks.t1 (a) select a from t2 where b = 1
replace t1 () values ()
replace low_priority into t1 values (1)
replace low_priority into t1 (a, b) values (1, 'x'), (2, default)
replace low_priority into t1 set a = 1, b = default
replace low_priority into t1 select a from t2
replace low_priority into ks.t1 (a) select a from t2 where b = 1
replace low_priority into t1 () values ()
replace delayed t1 values (1)
replace delayed t1 (a, b) values (1, 'x'), (2, default)
replace delayed t1 set a = 1, b = default
replace delayed t1 select a from t2
replace delayed ks.t1 (a) select a from t2 where b = 1
replace delayed t1 () values ()
insert into t1 value (1)
insert into t1 values ()
insert into t1 (t1.a, ks.t1.b) values (1, 2)
insert into t1 partition (p0) values (1)
insert into t1 partition (p0, p1) (a) values (1)
insert into t1 (a) values (1) on duplicate key update a = 2
insert into t1 (a, b) values (1, 2) on duplicate key update a = values(a), b = b + 1
insert into t1 (a) values (1) as n on duplicate key update a = n.a
insert into t1 (a) values (1) as n (x) on duplicate key update a = x
insert into t1 set a = 1 as n on duplicate key update a = n.a
insert into t1 select * from t2 on duplicate key update t1.a = t2.a
insert into t1 (select * from t2)
insert into t1 (a) (select a from t2) on duplicate key update a = 1
insert into t1 (a) values (1) returning a
insert into t1 (a) values (1) returning *, b + 1 as c
insert into t1 values (1 + 1, now(), (select max(a) from t2), @x)
insert into t1 (a) values (-1), (null), (true), (x'00')
insert into t1 table t2
insert into t1 values row(1, 2), row(3, 4)
insert into t1 select 1 union select 2
insert into t1 (a) values (default(a) + 1)
replace into t1 (a) values (1) returning a
insert into t1 select t2.a from t2 join t3 on t2.a = t3.a on duplicate key update b = 1
insert into t1 (a) values (?), (?)
-- update and delete
update t1 set a = 1
update t1 set a = 1, b = default
update t1 set a = a + 1 where b = 2
update t1 set a = 1 where b in (select b from t2)
update t1 set a = 1 order by b limit 3
update t1 as x set x.a = 1
update ks.t1 set a = 1
update low_priority t1 set a = 1
update ignore t1 set a = 1
update low_priority ignore t1 set a = 1
update t1, t2 set t1.a = t2.a where t1.b = t2.b
update t1 join t2 on t1.a = t2.a set t1.b = t2.b, t2.c = 1
update t1 left join t2 using (a) set t1.b = null where t2.a is null
update t1 partition (p0) set a = 1
update t1 use index (i1) set a = 1
update t1 set ks.t1.a = 1
update t1, (select 1 as x) d set t1.a = d.x
update t1 set a = (select max(b) from t2)
update t1 set a := 1
update t1 set a = case when b then 1 else 2 end where c is not null
update t1 set doc = json_set(doc, '$.a', 1) limit 1
delete from t1
delete from t1 where a = 1
delete from t1 order by a limit 1
delete from ks.t1 where a = 1
delete from t1 as x where x.a = 1
delete low_priority from t1
delete quick from t1
delete ignore from t1
delete low_priority quick ignore from t1
delete from t1 partition (p0)
delete t1 from t1 join t2 on t1.a = t2.a
delete t1, t2 from t1 join t2 on t1.a = t2.a where t1.b = 1
delete t1.*, t2.* from t1, t2 where t1.a = t2.a
delete from t1 using t1 join t2 on t1.a = t2.a
delete from t1, t2 using t1, t2 where t1.a = t2.a
delete from t1.* using t1
delete ks.t1 from ks.t1
delete x from t1 as x join t2 as y on x.a = y.a
delete from t1 where a = 1 returning a
delete from t1 returning *
delete from t1 where (a, b) in (select a, b from t2)
delete from t1 where exists (select 1 from t2 where t2.a = t1.a)
-- session
set a = 1
set autocommit = 0
set autocommit = on
set @@autocommit = 1
set session sql_mode = 'ANSI'
set global max_connections = 100
set local sql_mode = ''
set persist max_connections = 10
set persist_only max_connections = 10
set @@session.sql_mode = default
set @@global.x = 1, @@session.y = 2
set sql_mode = concat(@@sql_mode, ',ANSI')
set @x = 1
set @x := 2
set @x = 1, @y = @x + 1
set @x = (select max(a) from t1)
set names utf8mb4
set names 'utf8mb4' collate 'utf8mb4_bin'
set names default
set character set utf8mb4
set charset 'latin1'
set character set default
set time_zone = '+00:00'
set sql_safe_updates = 1, sql_select_limit = 10, max_join_size = default
set transaction isolation level read committed
set transaction isolation level repeatable read
set transaction isolation level read uncommitted
set transaction isolation level serializable
set session transaction read only
set global transaction isolation level serializable, read write
set transaction read write
set statement max_statement_time = 1 for select 1
set character_set_client = binary
set binlog_format = row
set default role all to u
set role none
set role 'a', 'b'
set role all except c
set password = 'x'
set password for 'u'@'h' = 'x'
set password for u = password('x')
set resource group rg
set keycache1.key_buffer_size = 1
set foo = on, bar = off
use db
use `db`
use `ks:-80@primary`
begin
begin work
start transaction
start transaction read only
start transaction read write
start transaction with consistent snapshot
start transaction with consistent snapshot, read only
commit
commit work
commit and chain
commit and no chain release
commit release
commit no release
rollback
rollback work
rollback and chain no release
rollback to s1
rollback to savepoint s1
rollback work to savepoint `s 1`
savepoint s1
release savepoint s1
xa start 'x'
xa begin 'x', 'y', 1
xa end 'x'
xa end 'x' suspend for migrate
xa prepare 'x'
xa commit 'x'
xa commit 'x' one phase
xa rollback 'x'
xa recover
xa recover convert xid
xa start x'01', 0x02, 3
lock tables t1 read
lock table t1 write, t2 as x read local
lock tables t1 low_priority write
unlock tables
unlock table
lock instance for backup
unlock instance
kill 5
kill connection 5
kill query 5
kill hard query 5
kill query id 7
kill user 'u'@'h'
prepare s from 'select 1'
prepare s from @x
execute s
execute s using @a, @b
execute immediate 'select 1'
deallocate prepare s
drop prepare s
call p
call p()
call ks.p(1, @x, 'a')
do 1
do sleep(1), @x := 2
explain select 1
explain extended select 1
explain format=json select * from t1
explain format = tree select 1
explain analyze select 1
explain partitions select 1
explain update t1 set a = 1
explain delete from t1
explain insert into t1 values (1)
explain for connection 5
explain t1
explain t1 a
describe t1
desc t1
desc ks.t1 'a%'
describe select 1
analyze select 1
analyze format=json select 1
vexplain select 1
vexplain plan select 1
vexplain all select * from t1
vexplain queries select 1
explain (select 1) union (select 2)
explain with c as (select 1) select * from c
help 'select'
handler t1 open
handler t1 open as h
handler t1 read first
handler t1 read next where a = 1 limit 2
handler t1 read i1 = (1, 2)
handler t1 read i1 prev
handler t1 close
load data infile 'x' into table t1
load data local infile 'x' replace into table ks.t1 character set utf8mb4 fields terminated by ',' enclosed by '"' lines terminated by '\n' ignore 1 lines (a, @b) set c = @b + 1
load data low_priority infile 'x' ignore into table t1 partition (p0) columns terminated by ';'
load xml infile 'x' into table t1 rows identified by '<r>'
signal sqlstate '45000' set message_text = 'x'
resignal
get diagnostics @n = number
get current diagnostics condition 1 @m = message_text
-- show
show databases
show schemas like 'a%'
show databases where `Database` = 'x'
show tables
show full tables
show tables from ks
show tables in ks like 'a%'
show full tables from ks where Table_type = 'VIEW'
show extended full tables
show columns from t1
show full columns from t1 from ks
show fields in t1 in ks like 'a%'
show extended full columns from t1
show index from t1
show indexes from t1 in ks
show keys from t1 where Key_name = 'x'
show extended index from t1
show create table t1
show create table ks.t1
show create view v
show create database ks
show create schema if not exists ks
show create procedure p
show create function f
show create trigger t
show create event e
show create user u
show create user 'u'@'h'
show create sequence s
show table status
show table status from ks like 'a%'
show open tables
show open tables from ks
show variables
show variables like 'a%'
show global variables
show session variables where Variable_name = 'x'
show local variables
show status
show global status like 'a%'
show session status
show processlist
show full processlist
show warnings
show warnings limit 1
show errors limit 1, 2
show count(*) warnings
show count(*) errors
show engines
show storage engines
show engine innodb status
show engine all mutex
show character set
show character set like 'utf%'
show charset
show collation
show collation where Charset = 'utf8mb4'
show plugins
show plugins soname like 'a%'
show privileges
show profiles
show profile
show profile all for query 2 limit 1
show profile cpu, block io
show grants
show grants for u
show grants for current_user
show grants for 'u'@'h' using r
show procedure status
show procedure status like 'a%'
show function status where Db = 'x'
show procedure code p
show function code f
show package status
show triggers
show triggers from ks like 'a%'
show events
show events from ks
show binary logs
show master logs
show master status
show binary log status
show binlog status
show binlog events
show binlog events in 'x' from 4 limit 2
show relaylog events
show relaylog events for channel 'c'
show slave status
show replica status for channel 'c'
show slave hosts
show replicas
show all slaves status
show explain for 5
show authors
show contributors
show index_statistics
show user_statistics
show vitess_keyspaces
show vitess_shards
show vitess_shards like 'a%'
show vitess_tablets where hostname = 'x'
show vitess_replication_status
show vitess_migrations
show vitess_migrations from ks like 'a%'
show vitess_migration 'x' logs
show vitess_metadata variables
show vschema tables
show vschema vindexes
show vschema vindexes on t1
show vschema vindexes from ks.t1
show vschema keyspaces
show keyspaces
show global vgtid_executed
show global gtid_executed from ks
show transaction status 'x'
show unresolved transactions
show unresolved transactions for ks
show vitess_throttled_apps
show vitess_target
-- definitions
create table t1 (a int)
create table t1 (a int(11))
create table t1 (a integer unsigned)
create table t1 (a int unsigned zerofill)
create table t1 (a tinyint(1))
create table t1 (a smallint)
create table t1 (a mediumint)
create table t1 (a bigint unsigned)
create table t1 (a bit(8))
create table t1 (a bool)
create table t1 (a boolean)
create table t1 (a serial)
create table t1 (a decimal)
create table t1 (a decimal(10))
create table t1 (a decimal(10, 2) unsigned)
create table t1 (a numeric(5))
create table t1 (a fixed(5, 1))
create table t1 (a dec(3))
create table t1 (a float)
create table t1 (a float(7, 3))
create table t1 (a float(20))
create table t1 (a double)
create table t1 (a double precision)
create table t1 (a real)
create table t1 (a date)
create table t1 (a time)
create table t1 (a time(3))
create table t1 (a datetime)
create table t1 (a datetime(6))
create table t1 (a timestamp)
create table t1 (a timestamp(3))
create table t1 (a year)
create table t1 (a year(4))
create table t1 (a char)
create table t1 (a char(10))
create table t1 (a character(5))
create table t1 (a varchar(255))
create table t1 (a varchar(10) character set latin1 collate latin1_bin)
create table t1 (a char varying(5))
create table t1 (a national char(5))
create table t1 (a nchar(5))
create table t1 (a nvarchar(5))
create table t1 (a national varchar(5))
create table t1 (a binary)
create table t1 (a binary(16))
create table t1 (a varbinary(16))
create table t1 (a blob)
create table t1 (a tinyblob)
create table t1 (a mediumblob)
create table t1 (a longblob)
create table t1 (a blob(100))
create table t1 (a text)
create table t1 (a tinytext)
create table t1 (a mediumtext)
create table t1 (a longtext)
create table t1 (a text(100))
create table t1 (a long)
create table t1 (a long varchar)
create table t1 (a enum('a', 'b'))
create table t1 (a enum('a') character set utf8mb4)
create table t1 (a set('a', 'b'))
create table t1 (a json)
create table t1 (a geometry)
create table t1 (a point)
create table t1 (a linestring)
create table t1 (a polygon)
create table t1 (a multipoint)
create table t1 (a multilinestring)
create table t1 (a multipolygon)
create table t1 (a geometrycollection)
create table t1 (a varchar(5) binary)
create table t1 (a char(3) ascii)
create table t1 (a char(3) unicode)
create table t1 (a uuid)
create table t1 (a inet6)
create table t1 (a int not null)
create table t1 (a int null)
create table t1 (a int default 1)
create table t1 (a int default -1)
create table t1 (a int default 'x')
create table t1 (a int default null)
create table t1 (a int default now())
create table t1 (a int default current_timestamp)
create table t1 (a int default current_timestamp(6))
create table t1 (a int default (uuid()))
create table t1 (a int default (a + 1))
create table t1 (a int default true)
create table t1 (a int default b'1')
create table t1 (a int default x'41')
create table t1 (a int not null default 0)
create table t1 (a int auto_increment primary key)
create table t1 (a int auto_increment unique)
create table t1 (a int primary key)
create table t1 (a int key)
create table t1 (a int unique key)
create table t1 (a int unique)
create table t1 (a int comment 'c')
create table t1 (a int collate utf8mb4_bin)
create table t1 (a int default current_timestamp on update current_timestamp)
create table t1 (a int on update now(6))
create table t1 (a int generated always as (a + 1))
create table t1 (a int generated always as (a + 1) virtual)
create table t1 (a int as (a + 1) stored)
create table t1 (a int generated always as (a) persistent)
create table t1 (a int references t2 (id))
create table t1 (a int references t2 (id) on delete cascade on update set null)
create table t1 (a int check (a > 0))
create table t1 (a int constraint c1 check (a > 0) not enforced)
create table t1 (a int invisible)
create table t1 (a int visible)
create table t1 (a int column_format fixed storage disk)
create table t1 (a int srid 4326)
create table t1 (a int without system versioning)
create table t1 (a int not null auto_increment comment 'x' unique)
create table t1 (a int, b text, primary key (a))
create table t1 (a int, b text, constraint primary key (a))
create table t1 (a int, b text, constraint pk primary key (a))
create table t1 (a int, b text, primary key using btree (a, b))
create table t1 (a int, b text, key (a))
create table t1 (a int, b text, key k (a))
create table t1 (a int, b text, index k (a desc, b asc))
create table t1 (a int, b text, index k using hash (a))
create table t1 (a int, b text, key k (a(10)))
create table t1 (a int, b text, key k ((a + 1)))
create table t1 (a int, b text, key k ((lower(b)), a))
create table t1 (a int, b text, unique (a))
create table t1 (a int, b text, unique key k (a))
create table t1 (a int, b text, unique index k (a) using btree)
create table t1 (a int, b text, constraint u unique (a))
create table t1 (a int, b text, fulltext (b))
create table t1 (a int, b text, fulltext key k (b) with parser ngram)
create table t1 (a int, b text, spatial index (b))
create table t1 (a int, b text, foreign key (a) references t2 (id))
create table t1 (a int, b text, constraint f foreign key (a, b) references ks.t2 (x, y) match full on delete restrict on update no action)
create table t1 (a int, b text, foreign key f (a) references t2 (id) on delete set default)
create table t1 (a int, b text, check (a > b))
create table t1 (a int, b text, constraint c check (a <> 0) enforced)
create table t1 (a int, b text, key k (a) key_block_size 8 comment 'x' invisible)
create table t1 (a int, b text, period for system_time (a, b))
create table t1 (a int) engine = innodb
create table t1 (a int) engine innodb default charset = utf8mb4 collate = utf8mb4_bin
create table t1 (a int) auto_increment = 5, comment = 'x'
create table t1 (a int) row_format = compressed key_block_size = 8
create table t1 (a int) character set utf8mb4
create table t1 (a int) default character set = utf8mb4
create table t1 (a int) data directory = '/x' index directory '/y'
create table t1 (a int) stats_persistent = 1 stats_sample_pages default
create table t1 (a int) union = (t2, t3) insert_method = last
create table t1 (a int) max_rows 5 min_rows = 1 avg_row_length 3
create table t1 (a int) pack_keys = default checksum = 1 delay_key_write 0
create table t1 (a int) connection = 'x' password 'y'
create table t1 (a int) tablespace ts storage disk
create table t1 (a int) encryption = 'Y' compression 'zlib'
create table t1 (a int) with system versioning
create table t1 (a int) partition by hash (a)
create table t1 (a int) partition by hash (a) partitions 4
create table t1 (a int) partition by linear hash (year(b)) partitions 4
create table t1 (a int) partition by key (a)
create table t1 (a int) partition by key () partitions 2
create table t1 (a int) partition by key algorithm = 2 (a)
create table t1 (a int) partition by range (a) (partition p0 values less than (10), partition p1 values less than maxvalue)
create table t1 (a int) partition by range columns (a, b) (partition p0 values less than (10, 'x'), partition p1 values less than (maxvalue, maxvalue) engine innodb comment 'c')
create table t1 (a int) partition by list (a) (partition p0 values in (1, 2), partition p1 values in (null))
create table t1 (a int) partition by list columns (a) (partition p0 values in ('x'))
create table t1 (a int) partition by range (a) subpartition by hash (b) subpartitions 2 (partition p0 values less than (10) (subpartition s0, subpartition s1))
create table t1 (a int) engine = innodb select * from t2
create table t1 (a int) as select 1 as a
create table t1 (a int) ignore select 1 a
create table t1 (a int) replace as select 1 a
create table t1 like t2
create table if not exists t1 (like ks.t2)
create temporary table t1 (a int)
create or replace table t1 (a int)
create table if not exists ks.t1 (a int)
create table t1 select 1 as a
create table t1 as select * from t2
create table t1 (select * from t2)
create table t1 engine = innodb as select 1 a union select 2
create index i on t1 (a)
create unique index i on t1 (a, b desc)
create index i using btree on ks.t1 (a(10)) comment 'x'
create fulltext index i on t1 (a) with parser ngram
create spatial index i on t1 (a)
create index if not exists i on t1 (a) algorithm = inplace lock = none
create index i on t1 ((a + b))
drop index i on t1
drop index `primary` on t1
drop index if exists i on ks.t1 algorithm inplace
create view v as select 1
create or replace view v (a, b) as select 1, 2 with check option
create algorithm = merge definer = u@h sql security invoker view ks.v as select * from t1 with local check option
create definer = current_user view v as select 1 with cascaded check option
alter view v as select 2
alter algorithm = undefined view v as select 1
drop view v
drop view if exists v, ks.w restrict
create database d
create schema if not exists d character set utf8mb4 collate = utf8mb4_bin
create database d default charset latin1 comment = 'x'
alter database d character set utf8mb4
alter schema d collate utf8mb4_bin
drop database d
drop schema if exists d
drop table t1
drop tables t1, ks.t2
drop table if exists t1 cascade
drop temporary table t1
truncate t1
truncate table ks.t1
rename table t1 to t2
rename tables t1 to ks.t2, t3 to t4
create procedure p() select 1
create procedure ks.p (in a int, out b varchar(10), inout c decimal(3, 1)) begin select a; end
create definer = u@h procedure p() comment 'x' language sql deterministic begin declare v int default 1; if v = 1 then select 1; else select 2; end if; while v < 3 do set v = v + 1; end while; end
create function f (a int) returns int return a + 1
create function f () returns varchar(10) deterministic begin declare done int; case done when 1 then return 'a'; else return 'b'; end case; end
create function f returns string soname 'x.so'
create aggregate function f returns integer soname 'x.so'
create trigger tr before insert on t1 for each row set new.a = 1
create trigger tr after update on ks.t1 for each row follows tr2 begin insert into t2 values (old.a); end
create event e on schedule every 1 day do delete from t1
create event if not exists e on schedule at current_timestamp + interval 1 hour on completion preserve disable comment 'x' do begin select 1; end
alter procedure p comment 'x'
alter function f sql security definer
alter event e disable
alter event e on schedule every 2 hour rename to f
drop procedure p
drop function if exists ks.f
drop trigger tr
drop event if exists e
create sequence s start with 1 increment by 2
create or replace sequence ks.s
alter sequence s restart 5
drop sequence if exists s
create server s foreign data wrapper mysql options (host 'h', port 3306)
alter server s options (user 'u')
drop server if exists s
create tablespace ts add datafile 'x.ibd' engine = innodb
alter tablespace ts rename to tt
drop tablespace ts
create undo tablespace u add datafile 'u.ibu'
create logfile group g add undofile 'x' engine ndb
create resource group g type = user vcpu = 0-1
drop resource group g force
alter instance rotate innodb master key
create spatial reference system 4120 name 'x' definition 'y'
drop spatial reference system if exists 4120
alter table t1 add a int
alter table t1 add column a int not null first
alter table t1 add column (a int, b int)
alter table t1 add a int after b
alter table t1 add index (a)
alter table t1 add unique key k (a)
alter table t1 add primary key (a)
alter table t1 add constraint f foreign key (a) references t2 (b)
alter table t1 add fulltext k (a)
alter table t1 add check (a > 0)
alter table t1 drop a
alter table t1 drop column a
alter table t1 drop primary key
alter table t1 drop index k
alter table t1 drop key k
alter table t1 drop foreign key f
alter table t1 drop constraint c
alter table t1 drop check c
alter table t1 change a b bigint
alter table t1 change column a b int first
alter table t1 modify a varchar(5) not null
alter table t1 modify column a int after b
alter table t1 alter a set default 1
alter table t1 alter column a drop default
alter table t1 alter column a set default (uuid())
alter table t1 alter index k invisible
alter table t1 alter check c not enforced
alter table t1 rename t2
alter table t1 rename to ks.t2
alter table t1 rename as t2
alter table t1 rename column a to b
alter table t1 rename index k to l
alter table t1 rename key k to l
alter table t1 engine = innodb
alter table t1 auto_increment = 100
alter table t1 comment = 'x', row_format = dynamic
alter table t1 convert to character set utf8mb4
alter table t1 convert to character set utf8mb4 collate utf8mb4_bin
alter table t1 default character set utf8mb4
alter table t1 order by a, b desc
alter table t1 disable keys
alter table t1 enable keys
alter table t1 discard tablespace
alter table t1 import tablespace
alter table t1 force
alter table t1 algorithm = inplace, lock = none, add b int
alter table t1 add partition (partition p2 values less than (30))
alter table t1 add partition partitions 2
alter table t1 drop partition p0, p1
alter table t1 truncate partition all
alter table t1 coalesce partition 2
alter table t1 reorganize partition p0 into (partition n0 values less than (5), partition n1 values less than (10))
alter table t1 exchange partition p0 with table t2
alter table t1 exchange partition p0 with table t2 without validation
alter table t1 analyze partition p0
alter table t1 check partition all
alter table t1 optimize partition p0
alter table t1 rebuild partition p0, p1
alter table t1 repair partition p0
alter table t1 remove partitioning
alter table t1 partition by hash (a) partitions 2
alter table t1 add a int, drop b, modify c int
alter table t1 with validation
alter table t1 add column if not exists a int
alter table t1 drop column if exists a
alter table t1 add system versioning
-- accounts and administration
create user u
create user if not exists 'u'@'h' identified by 'p'
create user u identified with mysql_native_password by 'p', v identified with x as 'h'
create user u identified by random password require ssl with max_queries_per_hour 5 password expire never account lock
create user u@localhost default role r
create user u identified via unix_socket or mysql_native_password using 'x'
alter user u identified by 'p'
alter user if exists u account unlock
alter user u require x509
alter user u password expire interval 30 day
alter user user() identified by 'x'
drop user u
drop user if exists u, 'v'@'%'
rename user u to v
create role r
create role if not exists r, s
drop role r
grant select on *.* to u
grant select, insert (a, b) on ks.t1 to u
grant all privileges on ks.* to 'u'@'h' with grant option
grant all on t1 to u
grant execute on procedure ks.p to u
grant r to u
grant r, s to u, v with admin option
grant proxy on a to b
grant usage on *.* to u identified by 'p' require ssl
grant create temporary tables, lock tables on ks.* to u
revoke select on *.* from u
revoke all privileges, grant option from u
revoke r from u
revoke insert on ks.t1 from u, v
analyze table t1
analyze local table t1, ks.t2
analyze table t1 update histogram on a, b with 10 buckets
analyze table t1 persistent for all
check table t1
check table t1, t2 for upgrade
check table t1 quick fast
checksum table t1
checksum table t1, t2 extended
optimize table t1
optimize no_write_to_binlog table t1
repair table t1 quick use_frm
flush tables
flush local tables
flush tables t1, ks.t2
flush tables with read lock
flush tables t1 with read lock
flush tables t1 for export
flush privileges
flush logs
flush status, hosts
flush binary logs
flush engine logs, slow logs
flush relay logs for channel 'c'
flush query cache
reset master
reset replica all
reset slave
reset query cache
reset persist x
purge binary logs to 'x'
purge master logs before now()
change master to master_host = 'h', master_port = 3306
change replication source to source_host = 'h'
change replication filter replicate_do_db = (a)
start slave
start replica sql_thread
stop slave
stop replica
start group_replication
stop group_replication
install plugin p soname 'x.so'
uninstall plugin p
install component 'file://x'
uninstall component 'file://x'
install soname 'x'
cache index t1 in kc
load index into cache t1 ignore leaves
binlog 'x'
shutdown
restart
clone local data directory = '/x'
import table from 'x.sdi'
backup stage start
alter vschema create vindex h using hash
alter vschema create vindex ks.l using lookup with owner = t1, table = 'x', from = a
alter vschema drop vindex h
alter vschema add table t1
alter vschema drop table t1
alter vschema add sequence s
alter vschema on t1 add vindex h (a) using hash
alter vschema on ks.t1 add vindex h (a, b)
alter vschema on t1 drop vindex h
alter vschema on t1 add auto_increment id using ks.s
alter vitess_migration 'x' retry
alter vitess_migration cancel all
alter vitess_migration 'x' throttle expire '1h' ratio 0.5
revert vitess_migration 'x'
stream * from t1
select next value from s
select next 5 values from ks.s
select * from t1 use vindex (v)
load data from s3 'x'
-- names
select `select` from t1
select x.`select` from t1 as x where `select` = 1 order by `select`
select `a b` from t1
select x.`a b` from t1 as x where `a b` = 1 order by `a b`
select `a``b` from t1
select x.`a``b` from t1 as x where `a``b` = 1 order by `a``b`
select `1a` from t1
select x.`1a` from t1 as x where `1a` = 1 order by `1a`
select 1a from t1
select x.1a from t1 as x where 1a = 1 order by 1a
select $a from t1
select x.$a from t1 as x where $a = 1 order by $a
select a$b from t1
select x.a$b from t1 as x where a$b = 1 order by a$b
select Имя from t1
select x.Имя from t1 as x where Имя = 1 order by Имя
select `日本` from t1
select x.`日本` from t1 as x where `日本` = 1 order by `日本`
select date from t1
select x.date from t1 as x where date = 1 order by date
select time from t1
select x.time from t1 as x where time = 1 order by time
select timestamp from t1
select x.timestamp from t1 as x where timestamp = 1 order by timestamp
select status from t1
select x.status from t1 as x where status = 1 order by status
select name from t1
select x.name from t1 as x where name = 1 order by name
select value from t1
select x.value from t1 as x where value = 1 order by value
select type from t1
select x.type from t1 as x where type = 1 order by type
select user from t1
select x.user from t1 as x where user = 1 order by user
select count from t1
select x.count from t1 as x where count = 1 order by count
select sum from t1
select x.sum from t1 as x where sum = 1 order by sum
select end from t1
select x.end from t1 as x where end = 1 order by end
select begin from t1
select x.begin from t1 as x where begin = 1 order by begin
select text from t1
select x.text from t1 as x where text = 1 order by text
select json from t1
select x.json from t1 as x where json = 1 order by json
select key_block_size from t1
select x.key_block_size from t1 as x where key_block_size = 1 order by key_block_size
select comment from t1
select x.comment from t1 as x where comment = 1 order by comment
select offset_ from t1
select x.offset_ from t1 as x where offset_ = 1 order by offset_
select year from t1
select x.year from t1 as x where year = 1 order by year
select first from t1
select x.first from t1 as x where first = 1 order by first
select no from t1
select x.no from t1 as x where no = 1 order by no
select names from t1
select x.names from t1 as x where names = 1 order by names
select action from t1
select x.action from t1 as x where action = 1 order by action
select enum from t1
select x.enum from t1 as x where enum = 1 order by enum
select position from t1
select x.position from t1 as x where position = 1 order by position
select quick from t1
select x.quick from t1 as x where quick = 1 order by quick
select sounds from t1
select x.sounds from t1 as x where sounds = 1 order by sounds
select any from t1
select x.any from t1 as x where any = 1 order by any
select some from t1
select x.some from t1 as x where some = 1 order by some
select next from t1
select x.next from t1 as x where next = 1 order by next
select member from t1
select x.member from t1 as x where member = 1 order by member
select array from t1
select x.array from t1 as x where array = 1 order by array
select t1.select from t1 where t1.select = 1
select t1.from from t1 where t1.from = 1
select t1.key from t1 where t1.key = 1
select t1.order from t1 where t1.order = 1
select t1.group from t1 where t1.group = 1
select t1.index from t1 where t1.index = 1
select t1.left from t1 where t1.left = 1
select t1.table from t1 where t1.table = 1
select t1.values from t1 where t1.values = 1
select t1.where from t1 where t1.where = 1
