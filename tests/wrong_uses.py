"""Wrong uses of the command line, one a line: the exit status, the code of the fault, and what was typed.

They are typed in a folder that holds `small.yaml` (a law), `rows.csv` (its rows), `small.nc` and `huber.nc` (fits),
`lawdsl.lock`, and files of every wrong kind (`tests/test_wrong_uses.py` makes them).
"""

from __future__ import annotations

TABLE = r"""
# commands
2 ASK090 fitt small.yaml
2 ASK090 predikt small.nc
2 ASK090 Fit small.yaml
2 ASK090 help
2 ASK091 --verson
2 ASK091 --jsn
2 ASK091 -x
2 ASK090 data lst
2 ASK090 data sho ladder-qid
2 ASK091 completion pwsh
2 ASK091 completion bash zsh

# options
2 ASK091 fit small.yaml --sed 1
2 ASK091 fit small.yaml --methd map
2 ASK091 fit small.yaml --method magic
2 ASK091 fit small.yaml --method MAP
2 ASK091 fit small.yaml --method
2 ASK091 fit small.yaml --data
2 ASK091 fit small.yaml --out
2 ASK091 fit
2 ASK091 fit small.yaml rows.csv
2 ASK091 predict small.nc huber.nc --at N=1B,method=rtn
2 ASK091 predict
2 ASK091 ask
2 ASK091 show
2 ASK091 show qid chinchilla
2 ASK091 cite
2 ASK091 check
2 ASK091 list qid
2 ASK091 list --topic
2 ASK091 explain LAW020 LAW021
2 ASK091 schema --pretty
2 ASK091 design small.nc
2 ASK091 design small.nc --at N=1B,method=rtn
2 ASK091 plan small.nc
2 ASK091 diff small.nc
2 ASK091 sweep
2 ASK091 compare
2 FIT051 compare small.yaml
2 ASK091 calibrate
2 ASK091 identify
2 ASK091 measure
2 ASK091 bound
2 ASK091 bound folder
2 ASK091 bound folder --corpus x.jsonl
2 ASK091 lock
2 ASK091 rerun
2 ASK091 rerun small.nc huber.nc
2 ASK091 backtest
2 ASK091 data show
2 ASK091 data get
2 ASK096 new

# numbers
2 ASK092 fit small.yaml --data rows.csv --seed x
2 ASK092 fit small.yaml --data rows.csv --seed -1
2 ASK092 fit small.yaml --data rows.csv --seed 1.5
2 ASK092 fit small.yaml --data rows.csv --draws 0
2 ASK092 fit small.yaml --data rows.csv --draws 10M
2 ASK092 fit small.yaml --data rows.csv --draws nan
2 ASK092 fit small.yaml --data rows.csv --chains 0
2 ASK092 fit small.yaml --data rows.csv --chains 100
2 ASK092 fit small.yaml --data rows.csv --warmup 1
2 ASK008 predict small.nc --at N=1B,method=rtn --level 0
2 ASK008 predict small.nc --at N=1B,method=rtn --level 1
2 ASK008 predict small.nc --at N=1B,method=rtn --level 90
2 ASK008 predict small.nc --at N=1B,method=rtn --level high
2 ASK008 predict small.nc --at N=1B,method=rtn --level 0,9
2 ASK007 predict small.nc --at N=1b,method=rtn
2 ASK007 predict small.nc --at N=1G,method=rtn
2 ASK011 predict small.nc --at N=1,5B,method=rtn
2 ASK007 predict small.nc --at N=-7B,method=rtn
2 ASK007 predict small.nc --at N=0,method=rtn
2 ASK007 predict small.nc --at N=nan,method=rtn
2 ASK007 predict small.nc --at N=inf,method=rtn
2 ASK007 predict small.nc --at N=1e999,method=rtn
2 ASK011 predict small.nc --at N=,method=rtn
2 ASK091 predict small.nc --at N=7 B,method=rtn
2 ASK007 predict small.nc --at "N=1B method=rtn"
2 ASK011 predict small.nc --at "N:1B,method=rtn"
2 ASK011 predict small.nc --at ""
2 ASK011 predict small.nc --at N=1B,N=2B,method=rtn
2 ASK007 ask small.nc size --given q=x,method=rtn
2 ASK007 ask small.nc size --given q=1e200,method=rtn
2 ASK007 plan small.nc --budget much
2 ASK007 plan small.nc --budget -1
2 ASK034 plan small.nc --budget 1e21
2 ASK007 plan small.nc --budget 1e21 --target low
2 ASK033 design small.nc --at N=1B,method=rtn --candidates N=1B..10B,method=rtn
2 ASK033 design small.nc --at N=1B,method=rtn --candidates N=1B..10B:1,method=rtn
2 ASK033 design small.nc --at N=1B,method=rtn --candidates N=10B..1B:x,method=rtn
2 ASK007 design small.nc --at N=1B,method=rtn --candidates N=1B,method=rtn --budget x
2 ASK030 design small.nc --at N=1B,method=rtn --candidates N=1B,method=rtn
3 TAB001 design small.nc --at N=1B,method=rtn --candidates none.csv --cost N
2 ASK092 design small.nc --at N=1B,method=rtn --candidates N=1B,method=rtn --runs 0
2 ASK092 sweep small.yaml --data rows.csv --seeds 0
2 ASK092 sweep small.yaml --data rows.csv --workers 0
2 ASK092 calibrate small.yaml --replicates 3
2 ASK007 verify --within 0
2 ASK007 verify --within x
2 MEA012 measure plan.yaml --shard 0/2
2 MEA012 measure plan.yaml --shard 3/2
2 MEA012 measure plan.yaml --shard half
2 ASK092 measure plan.yaml --workers 0
2 MEA502 bound folder --corpus a=x.jsonl --format rtn-4b-g32-asym --delta 2
2 MEA502 bound folder --corpus a=x.jsonl --format rtn-4b-g32-asym --tokens many
2 ASK015 backtest small.yaml --data rows.csv --cuts x --frontier N
2 ASK015 backtest small.yaml --data rows.csv --frontier Q
2 ASK015 backtest small.yaml --data rows.csv
2 ASK092 compare small.nc small.yaml --data rows.csv --draws 1

# laws
2 LAW038 show qidd
2 LAW038 show chinchila
2 LAW038 show QIDD
2 LAW038 show qid.yaml
2 LAW038 show laws/qid
2 LAW038 show ""
2 LAW038 show small
2 LAW038 show none.yaml
2 LAW038 show folder
2 LAW038 show folder.yaml
2 LAW038 show law.txt
2 LAW038 show rows.csv
2 LAW038 show small.nc
2 LAW007 show empty.yaml
2 LAW003 show binary.yaml
2 LAW004 show noyaml.yaml
2 LAW020 show broken.yaml
2 LAW007 show list.yaml
2 LAW038 show ../../../etc/passwd
2 LAW038 show http://example.org/law.yaml
2 LAW020 check broken.yaml noyaml.yaml
2 LAW020 check broken.yaml --published
2 LAW038 check none.yaml
2 LAW038 check folder
2 ASK017 cite small.yaml
2 LAW038 cite nobody
2 ASK010 explain LAW999
2 ASK010 explain law
2 ASK010 explain 20
2 LAW038 fit rows.csv
2 LAW038 fit small.nc
2 LAW020 fit broken.yaml --data rows.csv
2 TAB016 fit kaplan_n
2 TAB016 fit small.yaml
2 FIT015 fit small.yaml --simulate
2 ASK013 fit small.yaml --simulate --data rows.csv
2 LAW038 compare small.nc none.yaml --data rows.csv
2 TAB005 compare small.yaml qid --data rows.csv
2 FIT053 compare small.nc huber.nc
2 LAW038 sweep small.yaml nolaw --data rows.csv
2 LAW038 identify nolaw
2 FIT012 calibrate azuma_bound
2 LAW020 lock small.nc --law broken.yaml --data rows.csv -o x.lock
2 LAW038 new mine --from nolaw
2 LAW020 new mine --from broken.yaml
2 LAW038 new mine --from small.nc
2 ASK096 new 1st --from qid
2 ASK096 new a/b --from qid
2 ASK096 new small --from qid
2 ASK093 new mine --from qid -o folder
2 ASK096 new mine --from qid -o mine.txt
2 ASK096 new mine --response L
2 LAW024 new mine --response L=nats/tokn --variable N=tokens
2 ASK096 new mine --response L=nats/token
2 ASK096 new mine --variable N=tokens
2 ASK096 new mine --response L=nats/token --variable L=tokens
2 ASK096 new mine --response L=nats/token --variable N=tokens --grows M
2 LAW019 new mine --response L=nats/token --variable exp=tokens
2 LAW019 new mine --response L=nats/token --variable "1N=tokens"
2 ASK096 new --from qid

# tables
3 TAB001 fit small.yaml --data none.csv
2 TAB101 fit small.yaml --data ladder-ls
2 TAB003 fit small.yaml --data folder
2 TAB003 fit small.yaml --data folder.csv
2 TAB003 fit small.yaml --data empty.csv
2 TAB003 fit small.yaml --data header.csv
2 TAB004 fit small.yaml --data ragged.csv
2 TAB006 fit small.yaml --data words.csv
2 TAB008 fit small.yaml --data negative.csv
2 TAB007 fit small.yaml --data gaps.csv
2 TAB012 fit small.yaml --data level.csv
2 TAB005 fit small.yaml --data other.csv
2 TAB004 fit small.yaml --data binary.csv
2 TAB002 fit small.yaml --data table.xlsx
2 TAB002 fit small.yaml --data small.yaml
2 TAB002 fit small.yaml --data small.nc
2 TAB005 fit small.yaml --data ladder-loss
2 ASK011 fit small.yaml --data rows.csv --map N
2 TAB010 fit small.yaml --data rows.csv --map N=size
2 TAB010 fit small.yaml --data rows.csv --map n=N
2 TAB010 fit small.yaml --data rows.csv --map N=N+
2 TAB010 fit small.yaml --data rows.csv --map "N=open('x')"
2 TAB011 fit small.yaml --data rows.csv --where "N <"
2 TAB011 fit small.yaml --data rows.csv --where "size < 1"
2 TAB014 fit small.yaml --data rows.csv --where "N < 0"
2 TAB011 fit small.yaml --data rows.csv --where "method = rtn"
2 TAB011 fit small.yaml --data rows.csv --where ""
2 TAB009 fit small.yaml --data rows.csv --units L=bits
2 LAW024 fit small.yaml --data rows.csv --units L=nat
2 ASK002 fit small.yaml --data rows.csv --units M=tokens
2 TAB009 fit small.yaml --data rows.csv --units "N=non-embedding parameters"
2 ASK011 fit small.yaml --data rows.csv --units L
3 TAB001 identify small.yaml --data none.csv
2 ASK013 calibrate small.yaml --map N=size
2 TAB101 data show none
2 TAB101 data show ladder_qid
2 TAB101 data get none
2 ASK093 data get ladder-loss -o folder
3 FIT001 data get ladder-loss -o rows.csv/x.csv
3 TAB001 predict small.nc --table none.csv
2 TAB005 predict small.nc --table other.csv
2 TAB006 predict small.nc --table words.csv

# fits
3 FIT002 predict none.nc --at N=1B,method=rtn
3 FIT002 predict smal.nc --at N=1B,method=rtn
2 FIT003 predict small.yaml --at N=1B,method=rtn
2 FIT003 predict qid --at N=1B
2 FIT003 predict rows.csv --at N=1B,method=rtn
2 FIT003 predict folder --at N=1B,method=rtn
2 FIT003 predict folder.nc --at N=1B,method=rtn
2 FIT003 predict binary.nc --at N=1B,method=rtn
2 FIT003 predict empty.nc --at N=1B,method=rtn
2 FIT003 predict text.nc --at N=1B,method=rtn
3 FIT002 predict "fits/*.nc" --at N=1B
2 ASK012 predict small.nc
2 ASK012 predict small.nc --at N=1B,method=rtn --table rows.csv
2 ASK004 predict small.nc --at N=1B
2 ASK001 predict small.nc --at method=rtn
2 ASK004 predict small.nc --at N=1B,method=awq
2 ASK004 predict small.nc --at N=1B,method=RTN
2 ASK002 predict small.nc --at N=1B,methd=rtn
2 ASK002 predict small.nc --at n=1B,method=rtn
2 ASK004 predict small.nc --at N=1B,method=rtn --at N=1B
2 ASK060 predict small.nc --at N=1B,method=rtn --plot curve
2 ASK060 predict small.nc --at N=1B,method=rtn --plot curve.bmp
2 ASK060 predict small.nc --at N=1B,method=rtn --plot folder
3 FIT001 predict small.nc --at N=1B,method=rtn --plot rows.csv/c.png
2 ASK009 ask small.nc sise
2 ASK009 ask small.nc SIZE
2 ASK004 ask small.nc size
2 ASK011 ask small.nc size --given q
2 ASK004 ask small.nc size --given q=1.5
2 ASK002 ask small.nc size --given Q=1.5,method=rtn
2 ASK002 ask small.nc size --given q=1.5,method=rtn,N=3
2 FIT003 ask rows.csv size
2 FIT003 ask small.yaml size
2 ASK009 design small.nc --question sise --candidates N=1B,method=rtn --cost N
2 ASK032 design small.nc --candidates N=1B,method=rtn --cost N
2 ASK004 design small.nc --question size --given q=2 --candidates N=1B,method=rtn --cost N
2 ASK002 design small.nc --at N=1B,method=rtn --candidates M=1B --cost N
2 ASK030 design small.nc --at N=1B,method=rtn --candidates N=1B,method=rtn --cost "6*N*D"
2 ASK034 plan small.nc --budget 1e21 --over N,D --cost N
3 FIT002 diff small.nc none.nc
2 FIT003 diff small.nc rows.csv
2 ASK004 diff small.nc small.nc --at N=1B
2 LAW038 lock small.nc --data rows.csv
2 TAB005 lock small.nc --law qid --data rows.csv
2 TAB005 lock small.nc --law small.yaml --data other.csv
2 FIT003 lock rows.csv
3 FIT002 rerun none.nc
2 FIT003 rerun rows.csv
2 ASK007 rerun small.nc --within 0
2 ASK093 rerun small.nc -o folder
2 FIT070 lock small.nc --law small.yaml --data rows.csv -o not.lock
3 FIT070 verify none.lock
2 FIT070 verify not.lock
2 FIT070 verify rows.csv
3 FIT070 verify folder
3 FIT070 verify --constants none.yaml
2 FIT070 verify --constants list.yaml
2 FIT070 verify --constants other=values.yaml
2 FIT070 verify --constants values.yaml#a.b
2 ASK081 report
2 ASK081 report small.nc small.nc small.nc
3 FIT002 report none.nc
2 FIT003 report rows.csv
2 ASK093 report small.nc -o folder
2 ASK093 report small.nc --pdf small.html
2 ASK091 data import
2 TAB107 data import folder -o rows.txt
2 ASK013 backtest small.nc --data rows.csv --frontier N
2 FIT041 backtest huber.nc --frontier N
3 FIT002 backtest none.nc

# places
2 ASK093 fit small.yaml --data rows.csv -o folder
3 FIT001 fit small.yaml --data rows.csv -o rows.csv/fit.nc
2 ASK093 sweep small.yaml --data rows.csv --out rows.csv --method map --on here
2 FIT033 sweep small.yaml --data rows.csv --on cloud
2 ASK093 sweep small.yaml --data rows.csv --on here --store folder
2 FIT031 sweep small.yaml --data rows.csv --on here --method map --store rows.csv
2 ASK060 calibrate small.yaml --plot ranks.xyz
3 MEA001 measure none.yaml
3 MEA001 measure folder
2 MEA004 measure small.yaml
2 MEA005 measure badplan.yaml
2 MEA013 measure plan.yaml
2 MEA012 measure plan.yaml --on cloud
2 MEA012 measure plan.yaml --on ray:
2 MEA208 bound folder --corpus a=none.jsonl --format rtn-9
2 MEA201 bound folder --corpus a=none.jsonl --format rtn-4b --format x
2 MEA502 bound folder --corpus =x --format nf4
"""

#: (status, code, the line)
WRONG_USES: list[tuple[int, str, str]] = [
    (int(line[0]), line[2:8], line[9:]) for line in TABLE.splitlines() if line and not line.startswith("#")
]
