"""A table of 155,000 bank branches for the benchmarks of the answers: real rows and invented ones.

The real rows are those of ../shared/data/bank_codes where that is there, else of examples/. The
invented ones have names as banks give them and codes with a right check digit: bank (3), region
(4), branch (4), check digit (1). The same seed gives the same table; no name and no code is there
twice. Run as a script it writes the table: ``python bench/_bank_table.py table.csv [rows]``.
"""

import csv
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from huohou.data.facts import check_digit

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data" / "bank_codes" / "gweesin__CNAPS"
REAL = SHARED / "cnaps_excerpt_beijing_icbc_xiaogan_rcb.csv"
REGIONS = SHARED / "packages" / "core" / "assets" / "cities.json"
EXAMPLE = ROOT / "examples" / "bank_codes" / "branches.csv"
COLUMNS = ("name", "code", "bank", "city", "province")
ROWS = 155_000

OWN_REGIONS = (  # where ../shared is absent: code, name, province
    "1000 北京市 北京市|1100 天津市 天津市|2900 上海市 上海市|6530 重庆市 重庆市|"
    "1210 石家庄市 河北省|1610 太原市 山西省|1910 呼和浩特市 内蒙古自治区|2210 沈阳市 辽宁省|"
    "2410 长春市 吉林省|2610 哈尔滨市 黑龙江省|3010 南京市 江苏省|3050 苏州市 江苏省|"
    "3310 杭州市 浙江省|3320 宁波市 浙江省|3610 合肥市 安徽省|3910 福州市 福建省|"
    "3930 厦门市 福建省|4210 南昌市 江西省|4510 济南市 山东省|4520 青岛市 山东省|"
    "4910 郑州市 河南省|4930 洛阳市 河南省|5210 武汉市 湖北省|5350 孝感市 湖北省|"
    "5351 大悟县 湖北省|5352 云梦县 湖北省|5353 应城市 湖北省|5354 安陆市 湖北省|"
    "5355 汉川市 湖北省|5510 长沙市 湖南省|5810 广州市 广东省|5840 深圳市 广东省|"
    "6110 南宁市 广西壮族自治区|6410 海口市 海南省|6510 成都市 四川省|6590 绵阳市 四川省|"
    "7010 贵阳市 贵州省|7310 昆明市 云南省|7910 西安市 陕西省|8210 兰州市 甘肃省|"
    "8510 西宁市 青海省|8710 银川市 宁夏回族自治区|8810 乌鲁木齐市 新疆维吾尔自治区"
)
BANKS = (  # official name, number, share of the branches, only in prefectures
    ("中国工商银行", "102", 15, False),
    ("中国农业银行", "103", 22, False),
    ("中国银行", "104", 10, False),
    ("中国建设银行", "105", 14, False),
    ("交通银行", "301", 3, True),
    ("中信银行", "302", 2, True),
    ("中国光大银行", "303", 2, True),
    ("华夏银行", "304", 2, True),
    ("中国民生银行", "305", 2, True),
    ("广发银行", "306", 2, True),
    ("平安银行", "307", 2, True),
    ("招商银行", "308", 3, True),
    ("兴业银行", "309", 2, True),
    ("上海浦东发展银行", "310", 2, True),
    ("中国邮政储蓄银行", "403", 30, False),
    ("中国农业发展银行", "203", 2, False),
    ("农村商业银行", "402", 22, False),
    ("农村信用合作联社", "402", 6, False),
    ("村镇银行", "320", 3, False),
    ("城市银行", "313", 8, True),
)
BRANDS = ("富民", "银座", "中银富登", "浦发", "建信", "长江", "惠农", "汇丰", "兴福", "常农商")
STREETS = (  # noqa: SIM905
    "人民|解放|建设|中山|和平|胜利|新华|文化|长江|黄河|东风|红旗|友谊|光明|幸福|团结|民主|"
    "青年|朝阳|迎宾|体育场|火车站|汽车站|北京|上海|南京|天津|广州|武汉|昆仑|泰山|华山|珠江|"
    "太湖|湘江|汉江|淮海|延安|井冈山|遵义|西湖|东湖|南湖|北湖|龙泉|凤凰|金山|银山|翠竹|桂花|"
    "玉兰|梅园|兰亭|菊园|松林|柳林|槐树|银杏|梧桐|樱花|牡丹|芙蓉|科技|创新|创业|高新|大学|"
    "师范|学府|工业|商贸|会展|航空|港口|滨江|滨海|沿河|环城|城南|城北|城东|城西|城关|府前|"
    "县前|市府|鼓楼|钟楼|文昌|武侯|孔庙|关帝|天后|妈祖|知春|中关村|望京|国贸|崇文|宣武|德胜|"
    "安定|复兴|阜成|西直|东直|建国|朝内|永定|广渠|潘家|方庄"
).split("|")
FIRST = "兴新永长东西南北中上下大小金银玉龙凤福安宁康平太天云青白红黄石清明德仁义和顺昌盛华宏广丰"
SECOND = "发山河江湖海泉源桥塘溪岭坪坝湾口港城堡寨庄村店铺集场园林木柳松梅桂阳光星月泰盛和平顺祥"
FAMILIES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹曾彭肖蔡潘田董袁于余叶蒋杜"
ROADS = ("路", "街", "大街", "大道", "东路", "西路", "南路", "北路", "路口", "广场", "巷", "桥")
VILLAGES = ("庄", "集", "店", "桥", "寨", "湾", "坪", "坝", "岭", "塘", "铺", "堡", "口", "镇")
PARKS = ("开发区", "高新区", "工业园", "科技园", "经济开发区", "新区", "商贸城", "大学城", "物流园")


class Region(NamedTuple):
    """A city or county with its four digits in the codes."""

    code: str
    name: str
    province: str

    @property
    def short(self) -> str:
        """``大悟`` of ``大悟县``."""
        return self.name[:-1] if len(self.name) > 2 and self.name[-1] in "市县区旗" else self.name

    @property
    def prefecture(self) -> bool:
        """Whether it is a city that has counties below it."""
        return self.code.endswith("0")


def bank_table(rows: int = ROWS, seed: int = 7) -> list[dict[str, str]]:
    """Rows of the table under COLUMNS, the real ones first."""
    table = list(_real())[:rows]
    names, codes = {row["name"] for row in table}, {row["code"] for row in table}
    writer = _Writer(random.Random(seed), _regions())
    while len(table) < rows:
        row = writer.row()
        if row["name"] in names or row["code"] in codes:
            continue
        names.add(row["name"])
        codes.add(row["code"])
        table.append(row)
    return table


def write_bank_table(path: Path, rows: int = ROWS, seed: int = 7) -> Path:
    """The table as a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(bank_table(rows, seed))
    return path


def _real() -> Iterator[dict[str, str]]:
    source, shared = (REAL, True) if REAL.is_file() else (EXAMPLE, False)
    with source.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if shared:
                yield {
                    "name": row["LName"],
                    "code": row["BankCode"],
                    "bank": row["BankName"],
                    "city": row["CityName"],
                    "province": row["ProvinceName"],
                }
            else:
                bank = row["name"].split("股份")[0]
                province = "北京市" if row["city"] == "北京市" else "湖北省"
                whole = {**row, "bank": bank, "province": province}
                yield {column: whole[column] for column in COLUMNS}


def _regions() -> list[Region]:
    if not REGIONS.is_file():
        return [Region(*words.split()) for words in OWN_REGIONS.split("|")]
    found = json.loads(REGIONS.read_text("utf-8"))
    named = [Region(one["CityCode"], one["CityName"], one["ProvinceName"]) for one in found]
    return [one for one in named if one.name[-1] in "市县区旗" and len(one.name) < 6]


class _Writer:
    """Invents one row after the other."""

    def __init__(self, chance: random.Random, regions: list[Region]) -> None:
        self.chance, self.regions = chance, regions
        self.cities = [one for one in regions if one.prefecture]
        self.shares = [bank[2] for bank in BANKS]

    def row(self) -> dict[str, str]:
        """A branch whose name may be there already; its code may, too."""
        name, number, _, large = self.chance.choices(BANKS, self.shares)[0]
        region = self.chance.choice(self.cities if large else self.regions)
        local = name in ("农村商业银行", "农村信用合作联社", "村镇银行", "城市银行")
        bank = self._local(name, region) if local else name
        company = "" if bank.endswith("联社") else "股份有限公司"
        branch = self._rural(region) if local else self._branch(region)
        digits = f"{number}{region.code}{self.chance.randrange(10_000):04}"
        return {
            "name": bank + company + branch,
            "code": digits + str(check_digit(digits)),
            "bank": bank,
            "city": region.name,
            "province": region.province,
        }

    def _local(self, kind: str, region: Region) -> str:
        province = region.province[: 3 if region.province.startswith(("内蒙", "黑龙")) else 2]
        if kind == "城市银行":
            return f"{region.short}银行"
        if kind == "村镇银行":
            brand = BRANDS[sum(map(ord, region.name)) % len(BRANDS)]
            return f"{region.short}{brand}村镇银行"
        if kind == "农村信用合作联社":
            return f"{region.name}{kind}"
        return f"{'' if region.short == province else province}{region.short}{kind}"

    def _branch(self, region: Region) -> str:
        chance = self.chance
        end = chance.choices(("支行", "分理处", "储蓄所", "营业所"), (80, 10, 6, 4))[0]
        kind = chance.random()
        if kind < 0.02:
            return f"{region.short}分行营业部" if region.prefecture else f"{region.short}支行"
        if kind < 0.10:
            return f"{region.short}{chance.choice(PARKS)}{end}"
        if kind < 0.14:
            return f"{region.name}分行{self._place()}{end}"
        if kind < 0.20:
            return f"{region.short}{self._place()}支行{self._place()}{end}"
        return f"{region.name if kind < 0.4 else region.short}{self._place()}{end}"

    def _rural(self, region: Region) -> str:
        chance = self.chance
        end = chance.choices(("支行", "分理处", "分社", "信用社"), (78, 16, 3, 3))[0]
        kind = chance.random()
        if kind < 0.01:
            return "营业部"
        if kind < 0.05:
            return f"{region.short}{chance.choice(PARKS)}{end}"
        return f"{self._place()}{end}"

    def _place(self) -> str:
        chance = self.chance
        kind = chance.random()
        if kind < 0.35:
            return chance.choice(STREETS) + chance.choice(ROADS)
        if kind < 0.45:
            return chance.choice(STREETS)
        if kind < 0.75:
            return chance.choice(FIRST) + chance.choice(SECOND) + chance.choice(("", *ROADS[:4]))
        if kind < 0.9:
            return chance.choice(FAMILIES) + chance.choice(("家", "")) + chance.choice(VILLAGES)
        return chance.choice(FIRST) + chance.choice(SECOND) + chance.choice(VILLAGES)


if __name__ == "__main__":
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else ROWS
    print(write_bank_table(Path(sys.argv[1]), rows))
