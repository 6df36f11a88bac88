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
    *("都有哪些", "有哪些", "有哪几家", "有哪几个", "哪些", "哪几家", "哪几个", "有几家", "有几个"),
    *("有多少家", "有多少个", "多少家", "多少个", "有什么支行", "有什么网点", "列出", "列举"),
    *("所有的", "所有", "全部的", "全部", "名单"),
    *("list all", "list of", "list", "how many", "all the", "all", "every"),
    *("which branches", "what branches", "which offices", "what offices", "which banks"),
    *("what banks", "which cities", "what cities", "which products", "what products"),
)
# What rows are called in such a question: dropped at its ends, or only where nothing else is there.
UNITS = (
    *("支行", "网点", "分理处", "营业网点", "机构", "branches", "offices", "entries", "rows"),
    *("are there", "there are", "are", "does", "do", "in", "of", "has", "have", "the", "at"),
    *("show me", "give me", "的", "在", "有", "是"),
)
BARE_UNITS = (
    *("银行", "城市", "产品", "名称", "分行", "营业部", "names", "codes", "banks", "cities"),
    *("products", "which", "what"),
)
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
    *("营业时间", "上班时间", "行长是谁", "网址", "swift", "phone", "fax", "address", "postcode"),
    *("opening hours", "website"),
)
# ... unless it is part of a name: 电话局支行.
NO_NAME = r"(?!局|大楼|大厦|路|街|支行|分理处|广场)"
