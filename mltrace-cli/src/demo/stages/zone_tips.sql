-- How freely riders tip, zone by zone.
select
    "PULocationID" as zone,
    count(*) as rides,
    avg(case when high_tip then 1.0 else 0.0 end) as high_tips
from {{ ref('features') }}
where month = '{{ var("month") }}'
group by 1
order by high_tips desc
