"""A character taken for one that looks like it, a key hit beside the right one."""

from collections import defaultdict
from collections.abc import Mapping

from huohou.data.styles import style

# Common characters that are taken for each other by eye, hand or scanner. Put together for this
# project from what stands in names of places, roads and institutions.
ALIKE = (
    "未末本木术 土士工干 己已巳 大太犬丈六 人入八 天夫无元 田由甲申电 千干于 日曰目 王玉主 三五丑 "
    "折拆析 晴睛清情请静 侯候 商滴摘 农衣 业亚 建健键 设没投 招昭 交文 通涌桶 村材林 信倍 "
    "用甩角 北比 京凉 知如和 春舂泰 悟晤语 兴光举 发友拔 城诚域 东车乐 南楠 西酉四 中虫 华花毕 "
    "新薪斯 阳阴陌 江汪红 河何柯 海悔梅 山出 龙尤 安按女 平苹坪 市布巾 街衔 道首遁 镇填真 份分公 "
    "部陪剖 营莹萤 支友反 行衍 银根很 路露 门们问间闷 桥侨娇骄 园圆 川州洲 水永 万方 石右古 左在 "
    "福副富幅 祥详样 昌冒 丰半羊 关美先光 民氏 长张 厂广 场扬杨 淮准谁 汉叹权 洪供 湖糊胡 "
    "泉皇 百白自 宇宁字学 院完 科料 技枝 高亭亨享 复夏 压庄 历厉励 全金 合台 古吉舌 吴昊 宋朱 "
    "牛午年 什计许汁 汾份粉 沙纱 沈沉 岗岚 岭岑 峰锋蜂 徐除 陈阵 陕峡狭 邓郑 郎朗 梁粱 栗粟 "
    "港巷 淡谈 温湿 渡度席 康唐 庙店 塘糖搪 塔搭 坊防妨仿访 沾站战 旺汪 七匕 九丸 双又 里理埋 "
    "具县 区匹 社杜 诸储 蓄畜 听所 处外 贸贺 固国围 际标 责贵 桂佳 柱住往 桃挑 柳抑 松私 竺笠 "
    "凤风 马乌鸟岛 来米 少小尖 坡披玻 贝见坝 观现视 甬角甫 浦铺捕辅莆 苏办 刀力 徽微 孝考老者 "
    "感惑 咸成戊戍 萝罗 勤勒 贤坚 绵锦棉 屯电 凉谅 杭抗 胜性 苑范 荷苛 蒲薄 鼓豉 崇祟 怀杯 "
    "宣宜 仓仑 斗头 沟构购 沪护 铜钢 塞寨赛 盐监 壶壸 枫讽 治冶 溪漠 滨宾 沿沼 荆刑 郊效"
)
KEYS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")  # rows of the keyboard


def _alike() -> dict[str, str]:
    """Each character to those it may be taken for; both ways."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for group in ALIKE.split():
        for one in group:
            found[one] |= {other: None for other in group if other != one}
    return {one: "".join(others) for one, others in found.items()}


def _beside() -> dict[str, str]:
    """Each key to its neighbours in its own row, and above and below."""
    found: dict[str, str] = {}
    for number, row in enumerate(KEYS):
        for i, key in enumerate(row):
            rows = [other for other in (number - 1, number + 1) if 0 <= other < len(KEYS)]
            near = row[max(0, i - 1) : i] + row[i + 1 : i + 2]
            found[key] = near + "".join(KEYS[other][i : i + 1] for other in rows)
    return found | {key.upper(): near.upper() for key, near in found.items()}


NEAR: Mapping[str, str] = _alike() | _beside()


@style("typo", "slip")
def typo(form: str) -> list[str]:
    """The form with one character taken for another.

    >>> typo("未名湖")
    ['末名湖', '本名湖', '木名湖', '术名湖', '未名糊', '未名胡']
    >>> typo("pen")[:3]
    ['oen', '0en', 'pwn']
    """
    return [
        form[:i] + other + form[i + 1 :]
        for i, one in enumerate(form)
        for other in NEAR.get(one, "")
    ]
