"""Words people put around a name when they ask, and what they call a table's columns.

Data, not logic: one list a kind, in both languages at once, because questions mix them. Longer
phrases stand first where one begins with another. Everything is compared in NFKC, without case.
"""

# Before the name.
OPENERS = (
    *("您好", "你好", "请问一下", "请问", "请教一下", "请教", "麻烦你", "麻烦您", "麻烦", "劳驾"),
    *("能不能", "可不可以", "能否", "可否", "可以", "帮我", "帮忙", "替我", "给我"),
    *("我想要", "我想知道", "我想问一下", "我想问", "我想查", "我想", "我要查", "我要", "我需要"),
    *("想知道", "想问一下", "想问", "想查", "需要", "查询一下", "查询", "查一下", "查下", "查查"),
    *("查找", "查", "搜索", "搜一下", "找一下", "告诉我", "告知", "说一下", "说说"),
    *("你知道", "您知道", "谁知道", "知道", "有没有", "一下", "关于", "请", "填写"),
    *("hi", "hello", "hey", "please", "kindly", "can you", "could you", "would you", "will you"),
    *("can i", "could i", "may i", "i am filling in a form", "give me", "tell me", "show me"),
    *("find me", "get me", "let me know", "look up", "search for", "search", "find", "know"),
    *("i need to know", "i need", "i want to know", "i want", "i would like", "i'd like"),
    *("i am looking for", "i'm looking for", "do you know", "do you have", "what's", "what is"),
    *("what are", "what", "which one", "which", "whose", "is there", "the", "a", "an"),
    *("of", "for", "does", "do", "has", "is", "to", "me", "about"),
)
# After it.
TAILS = (
    *("谢谢你", "谢谢您", "谢谢了", "谢谢", "感谢", "多谢", "麻烦了", "麻烦你", "拜托了", "拜托"),
    *("帮忙给下", "帮忙查一下", "帮忙查下", "帮我查一下", "帮我查下", "查一下", "查下", "给一下"),
    *("给下", "告诉我", "可以吗", "行吗", "好吗", "知道吗", "有吗", "怎么查", "怎么填", "怎么写"),
    *("应该填什么", "应该填多少", "填什么", "填多少", "写什么", "写多少", "是多少号", "是多少"),
    *("是什么", "是啥", "是几号", "是几", "是哪个", "是哪一个", "有多少", "多少", "什么", "啥"),
    *(
        "是哪个号来着",
        "是哪个来着",
        "来着",
        "发我一下",
        "发一下",
        "发我",
        "报一下",
        "列一下",
        "列出来",
    ),
    *(
        "是哪个号",
        "是哪一个号",
        "多少号",
        "那一行",
        "这一行",
        "那行",
        "给我一下",
        "给我",
        "有没有",
        "呗",
        "嘛",
        "哈",
    ),
    *("吗", "呢", "啊", "呀", "吧", "哦", "么", "对应的", "对应", "的", "是", "为"),
    *("have", "has", "got", "please", "thank you", "thanks", "is it", "is that", "is", "'s", "of"),
    *("belong to", "in the table", "again", "in", "at"),
)
# Asking for a name by its value.
WHO = (
    *("是哪一个", "是哪个", "是哪家", "是谁的", "是谁", "属于哪个", "属于哪家", "属于", "对应哪个"),
    *("对应哪家", "哪个银行", "哪家银行", "什么银行", "哪个行", "哪一个", "哪个", "哪家", "谁的"),
    *("whose", "which", "belong"),
    *("what is behind", "who has", "who is"),
)
# Asking for several rows.
MANY = (
    *("有哪些", "有哪几家", "有哪几个", "哪些", "哪几家", "哪几个", "有几家", "有几个"),
    *("有多少家", "有多少个", "多少家", "多少个", "有什么支行", "有什么网点", "列出", "列举"),
    *("一共有多少个", "一共有几个", "一共多少个", "一共多少家", "一共几个", "总共有多少个"),
    *("总共多少个", "总共几个", "一共", "总共", "都要", "都列一下", "都列出来", "都给我"),
    *(
        "都发我",
        "都发给我",
        "列一下",
        "有两个",
        "有两家",
        "有三个",
        "有好几个",
        "有好几家",
        "分别是",
    ),
    *("几个", "几家", "下面的", "下属的", "下属", "辖内的", "辖内", "底下的"),
    *("所有的", "所有", "全部的", "全部", "名单"),
    *("list all", "list of", "list", "how many", "all the", "all", "every"),
    *("which branches", "what branches", "which offices", "what offices", "which banks"),
    *("which ones", "what ones", "all of them", "how many of them"),
    *("what banks", "which cities", "what cities", "which products", "what products"),
)
# What rows are called in such a question: dropped at its ends, or only where nothing else is there.
UNITS = (
    *("支行", "网点", "分理处", "营业网点", "机构", "branches", "offices", "entries", "rows"),
    *("are there", "there are", "are", "does", "do", "in", "of", "has", "have", "the", "at"),
    *(
        "show me",
        "give me",
        "with",
        "的",
        "在",
        "有",
        "是",
        "吧",
        "啊",
        "呀",
        "呢",
        "你这儿",
        "你这里",
    ),
    *("你那儿", "你那里", "你们", "表里", "表中", "in the table"),
)
BARE_UNITS = (
    *("银行", "城市", "产品", "名称", "分行", "营业部", "names", "codes", "banks", "cities"),
    *("products", "which", "what", "号", "都", "个", "我"),
)
# Between the parts of what is listed: 农商行有营业部. Tried where nothing holds it with them.
SOFT = ("里面的", "里面", "里的", "的", "有", "在", "里")
SOFT_LAST = ("都", "里", "有")
# Words for a column: whoever has one of them as its plain name is asked for by all of them.
COLUMN_WORDS = (
    (
        *("code", "bankcode", "cnaps", "cnapscode", "联行号", "行号", "银行代码", "代码"),
        *(
            "支付系统行号",
            "大额支付行号",
            "大额行号",
            "支付行号",
            "的银行联行号",
            "的银行行号",
            "联行",
        ),
        *("开户行行号", "开户行号", "12位行号", "十二位行号", "12位那个号", "12位联行号", "12位"),
        *("联航号", "连行号", "联行好", "行号好"),  # as they are mistyped
        *("cnaps code", "cnaps号", "cnaps number", "bank code", "清算行号", "行号码", "联行行号"),
    ),
    ("city", "cityname", "城市", "所在城市", "哪个城市", "哪个市", "地区", "town"),
    ("citycode", "城市代码", "地区代码", "city code", "area code", "区号"),
    ("province", "provincename", "省份", "所在省", "哪个省", "省"),
    ("provincecode", "省份代码", "province code"),
    ("price", "价格", "单价", "多少钱", "cost"),
    ("address", "地址", "在哪里", "在哪儿", "位置"),
    ("phone", "telephone", "tel", "电话", "电话号码", "phone number"),
    ("population", "人口", "人口数"),
)
# What a column is called in a Chinese sentence.
CHINESE = {
    "name": "名称",
    "code": "代码",
    "city": "城市",
    "province": "省份",
    "country": "国家",
    "capital": "首都",
    "price": "价格",
    "address": "地址",
    "phone": "电话",
    "population": "人口",
    "number": "编号",
    "id": "编号",
}
# Any value that is a code may be called one of these.
CODE_NOUNS = ("代码", "区号", "编号", "编码", "号码", "代号", "code", "number", "id", "no.")
# Words of a question without any name in it.
EMPTY = (
    *("填表要用", "填表用", "急用", "急", "转账用", "转账要用", "我手上有个", "这个", "那个", "号"),
    *("开户行", "收款行", "号是", "叫什么", "叫", "哪个银行", "哪家银行", "哪个"),
    *("i have the", "i have", "it", "you", "and", "or"),
)
# What people ask about a branch or a shop that a table of codes does not hold; dropped from this
# list where the table has a column of that name.
LACKING = (
    *(
        "电话号码",
        "电话",
        "传真",
        "地址",
        "门牌",
        "邮编",
        "邮政编码",
        "几点关门",
        "几点开门",
        "几点",
    ),
    *("几点上班", "几点下班", "联系方式", "客服电话", "营业时间", "上班时间", "行长是谁", "网址"),
    *("swift", "phone", "fax", "address", "postcode", "opening hours", "opening times", "website"),
)
# The same, unless the value is asked for as well: people say why they need it, and when.
LACKING_ALONE = (
    *("开门", "关门", "营业吗", "上班吗", "营业不", "上班不", "开不开", "周六", "周日", "周末"),
    *("星期六", "星期天", "星期日", "节假日", "怎么走", "open on", "close on", "opens at"),
    *("closes at", "what time", "saturday", "saturdays", "sunday", "sundays", "manager"),
)
# ... unless it is part of a name: 电话局支行.
NO_NAME = r"(?!局|大楼|大厦|路|街|支行|分理处|广场)"

# A part of a name that is told, where rows are asked for by it: 名字里带“新”字的, whose name has.
NAME_HOLDS = (
    "名字里面",
    "名字里",
    "名字中",
    "名字上",
    "名称里面",
    "名称里",
    "名称中",
    "名里",
    "名字",
    "名称",
)
HOLDS = ("带有", "带着", "带", "含有", "包含", "含", "写着", "写了")
HOLDS_AFTER_NAME = ("有", "是", "叫")  # what says so only behind a word for the name
LETTER = ("字样", "字")
CALLED = ("叫做", "叫作", "叫")
FIRST = ("开头", "打头", "起头", "开始")
LAST = ("结尾", "收尾")
SURNAME = "姓"
HOLDS_EN = r"contain(?:s|ing)?|includ(?:es?|ing)|has|have|having|with"
FIRST_EN = r"(?:start|begin)(?:s|ning|ing)?\s+with"
LAST_EN = r"end(?:s|ing)?\s+(?:with|in|on)"
CALLED_EN = r"called|named"
# A word that stands for one that was forgotten, inside a name: 世纪什么支行.
WILD = (
    "什么什么",
    "什么",
    "啥啥",
    "啥",
    "某某",
    "叉叉",
    "xxx",
    "xx",
    "××",
    "***",
    "**",
    "*",
    "……",
    "...",
)
WILD_BEFORE = (
    "网点",
    "银行",
    "市",
    "县",
    "区",
    "镇",
    "路",
    "街",
    "店",
    "公司",
)  # what a name ends in
NOT_WILD = "是叫为的有在填写查问个号"  # before "what": it asks
# Who says so knows a part of the name only; nothing in that part of the sentence is a name.
FORGOT = (
    *(
        "忘了",
        "忘记",
        "记不全",
        "记不清",
        "记不得",
        "记不住",
        "不记得",
        "想不起来",
        "分不清",
        "不确定",
    ),
    *("不知道是哪", "不知道全", "forgot", "forgotten", "don't remember", "do not remember"),
    *("can't remember", "cannot remember", "not sure which", "don't know which"),
)
FORGETTERS = ("我也", "我都", "我", "具体名字", "具体", "后面的", "后面", "名字", "i", "but i")
SUCH = ("什么的", "之类的", "等等", "啥的")  # behind examples of what is asked for
LIST_NOUNS = ("号都", "号也", "号给", "号码")  # where rows are asked for, their values
NEARBY = ("那边", "那儿", "那里", "附近", "一带", "周边", "旁边")
# Between two names in one question.
BOTH = ("以及", "还有", "和", "与", "跟", "及", "、", " and ", " & ")
