"""What people call a thing whose official name is long: everyday forms and abbreviations.

Pure text rules for Chinese institutions (banks above all) and for English names. Each function
gives its forms best first; a form may belong to two names, which is for the caller to see.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

# Official, everyday, abbreviation. Longer official names first, so that none hides another.
BANKS = (
    ("中国邮政储蓄银行", "邮政储蓄银行", "邮储银行"),
    ("中国农业发展银行", "农业发展银行", "农发行"),
    ("上海浦东发展银行", "浦发银行", "浦发"),
    ("中国工商银行", "工商银行", "工行"),
    ("中国农业银行", "农业银行", "农行"),
    ("中国建设银行", "建设银行", "建行"),
    ("中国光大银行", "光大银行", "光大"),
    ("中国民生银行", "民生银行", "民生"),
    ("中国进出口银行", "进出口银行", "口行"),
    ("国家开发银行", "国开行", "国开行"),
    ("中国银行", "中国银行", "中行"),
    ("交通银行", "交通银行", "交行"),
    ("招商银行", "招商银行", "招行"),
    ("农村商业银行", "农村商业银行", "农商行"),
    ("农村合作银行", "农村合作银行", "农合行"),
    ("农村信用合作联社", "农村信用社", "农信社"),
    ("农村信用合作社", "农村信用社", "农信社"),
)
# How people also write an institution, and the abbreviation of it that is meant.
SAID = {
    "农村商业银行": "农商行",
    "农商银行": "农商行",
    "农村合作银行": "农合行",
    "农村信用合作联社": "农信社",
    "农村信用合作社": "农信社",
    "农村信用联社": "农信社",
    "农村信用社": "农信社",
    "农信联社": "农信社",
    "信用合作联社": "农信社",
    "信用联社": "农信社",
    "中国邮政银行": "邮储银行",
    "邮政银行": "邮储银行",
    "中国邮储银行": "邮储银行",
    "邮储银行": "邮储银行",
    "邮储": "邮储银行",
    "国家邮储银行": "邮储银行",
    "浦东发展银行": "浦发",
    "浦发银行": "浦发",
    "中国农发银行": "农发行",
    "国家开发行": "国开行",
    "工商行": "工行",
    "建设行": "建行",
    "交通行": "交行",
    "招商行": "招行",
    "中国工行": "工行",
    "中国农行": "农行",
    "中国建行": "建行",
    "中国交通银行": "交行",
    "中国招商银行": "招行",
    "中国浦发银行": "浦发",
    "广东发展银行": "广发银行",
    "中国民生": "民生",
    "中国光大": "光大",
}
# What is written in letters beside Chinese characters: banks abroad, and what a branch is called.
LETTERS = {
    "icbc": "工行",
    "abc": "农行",
    "ccb": "建行",
    "boc": "中行",
    "bocom": "交行",
    "bcm": "交行",
    "cmb": "招行",
    "psbc": "邮储银行",
    "adbc": "农发行",
    "cdb": "国开行",
    "cmbc": "民生",
    "ceb": "光大",
    "spdb": "浦发",
    "citic": "中信银行",
    "cib": "兴业银行",
    "hxb": "华夏银行",
    "cgb": "广发银行",
    "rcb": "农商行",
    "sub branch": "支行",
    "subbranch": "支行",
    "branch": "支行",
}
COMPANY = re.compile(r"股份有限公司|有限责任公司|有限公司|集团公司")
PROVINCE_NAMES = (
    *(
        "北京",
        "天津",
        "上海",
        "重庆",
        "河北",
        "山西",
        "辽宁",
        "吉林",
        "黑龙江",
        "江苏",
        "浙江",
        "安徽",
    ),
    *(
        "福建",
        "江西",
        "山东",
        "河南",
        "湖北",
        "湖南",
        "广东",
        "海南",
        "四川",
        "贵州",
        "云南",
        "陕西",
    ),
    *("甘肃", "青海", "台湾", "内蒙古", "广西", "西藏", "宁夏", "新疆"),
)
PROVINCES = re.compile(f"(?:{'|'.join(PROVINCE_NAMES)})省?")
RURAL = re.compile(r"农村商业银行|农商行|农村合作银行|农合行|农村信用社|农信社|村镇银行")
CHINESE = re.compile("[\u4e00-\u9fff]")
REGION = re.compile(r"(市|县|区|自治州|地区|盟)$")
# What a branch is called at the end of its name, longer ones first.
KINDS = (
    *("支行营业部", "分行营业部", "营业部", "分理处", "储蓄所", "营业所", "支行", "分行", "信用社"),
    *("分社", "储蓄专柜", "总行"),
)
LEGAL = re.compile(
    r"[,\s]+(?:(?:incorporated|inc|limited|ltd|llc|llp|plc|corporation|corp|company|co|gmbh|s\.?a)\.?"
    r"[,\s]*)+$",
    re.IGNORECASE,
)
ENGLISH = {
    "association": "Assn",
    "avenue": "Ave",
    "branch": "Br",
    "center": "Ctr",
    "centre": "Ctr",
    "department": "Dept",
    "government": "Govt",
    "institute": "Inst",
    "international": "Intl",
    "laboratory": "Lab",
    "manufacturing": "Mfg",
    "national": "Natl",
    "road": "Rd",
    "street": "St",
    "university": "Univ",
}


def is_chinese(text: str) -> bool:
    """Whether there is a Chinese character in it."""
    return CHINESE.search(text) is not None


def everyday(name: str, city: str = "") -> list[str]:
    """The name without what only a register says.

    >>> everyday("中国工商银行股份有限公司北京知春路支行", "北京市")
    ['工商银行北京市知春路支行', '工商银行北京知春路支行']
    >>> everyday("Acme Widgets Co., Ltd.")
    ['Acme Widgets']
    """
    if not is_chinese(name):
        return _new([LEGAL.sub("", name)], name)
    bank, rest = _bank_and_rest(name)
    bank = _without_province(_said(bank))
    return _new([bank + _with_city(rest, city), bank + rest], name)


def abbreviations(name: str, city: str = "") -> list[str]:
    """The name as it is said in passing.

    >>> abbreviations("湖北大悟农村商业银行股份有限公司兴发支行", "大悟县")
    ['大悟农商行兴发支行']
    >>> abbreviations("中国工商银行股份有限公司北京知春路支行", "北京市")
    ['工行知春路支行', '工行北京知春路支行']
    >>> abbreviations("Oxford University")
    ['Oxford Univ']
    """
    if not is_chinese(name):
        words = LEGAL.sub("", name).split()
        short = " ".join(ENGLISH.get(word.lower(), word) for word in words)
        return [form for form in _new([short], name) if form not in everyday(name)]
    bank, rest = _bank_and_rest(name)
    bank = _without_province(_brief(bank))
    taken = [*everyday(name, city), name]
    return [
        form
        for form in _new([bank + _without_city(rest, city), bank + rest], name)
        if form not in taken
    ]


def split_name(name: str, city: str = "") -> tuple[str, str]:
    """Institution and the part that tells its places apart; the second is empty if there is none.

    >>> split_name("中国工商银行股份有限公司北京知春路支行", "北京市")
    ('中国工商银行股份有限公司北京', '知春路支行')
    >>> split_name("湖北大悟农村商业银行股份有限公司")
    ('湖北大悟农村商业银行股份有限公司', '')
    """
    end = 0
    for found in (COMPANY.search(name), re.search(r"银行|信用社|联社", name)):
        end = max(end, found.end() if found else 0)
    rest = _without_city(name[end:], city)
    return name[: len(name) - len(rest)], rest


@dataclass(frozen=True, slots=True)
class Parts:
    """A name taken apart.

    official: the institution as registered; bank, short: as it is said and in short, without the
    place; place: the city as given; branch: what tells its places apart, empty if there is none.
    """

    official: str
    bank: str
    short: str
    place: str
    branch: str


@lru_cache(maxsize=64)
def parts(name: str, city: str = "") -> Parts:
    """The parts of a name, to put together in another order.

    >>> parts("湖北大悟农村商业银行股份有限公司兴发支行", "大悟县").short
    '农商行'
    >>> parts("中国工商银行股份有限公司北京知春路支行", "北京市").branch
    '知春路支行'
    >>> parts("长沙银行股份有限公司安庄路支行", "长沙市").bank
    '长沙银行'
    """
    if not is_chinese(name):
        bare = LEGAL.sub("", name)
        return Parts(name, bare, bare, city, "")
    institution, rest = _bank_and_rest(name)
    official = name[: len(name) - len(rest)]
    said, short = (_without_place(one, city) for one in (_said(institution), _brief(institution)))
    branch = _without_city(rest, city)
    # A head office names its place twice over: 北京市分行 stays whole and has no branch.
    own = branch.startswith(REGION.sub("", city)) if city else False
    return Parts(official, said, short, city, "" if own else branch)


def branch_kind(name: str) -> str:
    """What kind of place it is, at the end of its name; empty where none is named.

    >>> branch_kind("工行知春路支行"), branch_kind("Acme")
    ('支行', '')
    """
    return next((kind for kind in KINDS if name.endswith(kind)), "")


def _bank_and_rest(name: str) -> tuple[str, str]:
    """``中国工商银行`` and ``北京知春路支行``, the form of the company dropped."""
    found = COMPANY.search(name) or re.search(r"(?<=银行)|(?<=信用社)|(?<=联社)", name)
    if found is None:
        return name, ""
    return name[: found.start()], name[found.end() :]


@lru_cache(maxsize=1024)
def _said(bank: str) -> str:
    """``中国工商银行`` is ``工商银行``."""
    for official, common, _ in BANKS:
        bank = bank.replace(official, common)
    return bank


@lru_cache(maxsize=1024)
def _brief(bank: str) -> str:
    """``中国工商银行`` is ``工行``."""
    for official, _, short in BANKS:
        bank = bank.replace(official, short)
    return bank


@lru_cache(maxsize=1024)
def _without_province(bank: str) -> str:
    """``湖北大悟农商行`` is ``大悟农商行``, but ``北京农商行`` keeps its place."""
    found = PROVINCES.match(bank)
    # Something of the place's name must stay in front of what kind of bank it is.
    return bank[found.end() :] if found and RURAL.search(bank, found.end() + 1) else bank


def _without_place(bank: str, city: str) -> str:
    """``大悟农商行`` is ``农商行``, but ``长沙银行`` has no other name."""
    local = _without_province(bank)
    short = _without_city(local, city)
    return local if short == "银行" else short


def _with_city(rest: str, city: str) -> str:
    """``北京知春路支行`` is ``北京市知春路支行``."""
    short = _without_city(rest, city)
    return rest if short == rest else city + short


def _without_city(rest: str, city: str) -> str:
    """``北京知春路支行`` is ``知春路支行``, but ``北京市分行营业部`` keeps its place."""
    short = rest.removeprefix(city)
    if short == rest:
        short = rest.removeprefix(REGION.sub("", city))
    return rest if re.match(r"市|县|区|分行|支行|$", short) else short


def _new(forms: list[str], name: str) -> list[str]:
    return [form for form in dict.fromkeys(forms) if form and form != name]
