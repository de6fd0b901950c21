"""A table of orders as a town office keeps it, and the town that it is read against."""

from datetime import date

from aggregator.order_files.read import Town

HEADINGS = (
    "注文,バイヤー,品名,数量,納期,工程,サイクル秒,前工程,個/サイクル,段取り時間h,輸送日数,最大ロット,最小ロット,"
    "材質,公差um,条件\r\n"
)
ROWS = """A-1,大手精機,ブラケット,600,2027/1/8,切削,60,,,1,1,2,100,SUS304、A5052,20,\r
A-1,,,,,検査,20,,,,0,,,,,\r
A-2,東海ポンプ,軸受ケース,"1,200",2027年1月15日,cutting,４５,なし,2,0.5,,,,,,\r
A-2,,,,,検査,10,なし,,,,,,,,三次元測定\r
A-2,,,,,検査,5,"1、2",,,,,,,,\r
"""
JAPANESE = HEADINGS + ROWS
ENGLISH = """order{0}buyer{0}part{0}quantity{0}due{0}process{0}cycle_s{0}after
A-1{0}大手精機{0}ブラケット{0}600{0}2027-01-08{0}Cutting{0}60{0}
A-1{0}{0}{0}{0}{0}inspection{0}20{0}cutting
"""
WORDS = {
    "cutting": ("切削", "Cutting"),
    "inspection": ("検査", "Inspection"),
    "plating": ("めっき", "Plating"),
}
TOWN = Town.of(WORDS, {"cutting", "inspection"}, date(2026, 11, 24))
