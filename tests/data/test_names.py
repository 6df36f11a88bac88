"""What people call a branch: everyday forms, abbreviations, and where a name is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.data.names import abbreviations, everyday, split_name


@pytest.mark.parametrize(
    ("name", "city", "daily", "short"),
    [
        ("中国工商银行股份有限公司北京知春路支行", "北京市", "工商银行北京市知春路支行", "工行知春路支行"),
        ("湖北大悟农村商业银行股份有限公司兴发支行", "大悟县", "大悟农村商业银行兴发支行", "大悟农商行兴发支行"),
        ("中国建设银行股份有限公司上海市分行", "上海市", "建设银行上海市分行", "建行上海市分行"),
        ("北京农村商业银行股份有限公司良乡支行", "北京市", "北京农村商业银行良乡支行", "北京农商行良乡支行"),
        ("中国工商银行股份有限公司北京市分行营业部", "北京市", "工商银行北京市分行营业部", "工行北京市分行营业部"),
        ("湖北广水农村商业银行股份有限公司广水支行", "广水市", "广水农村商业银行广水支行", "广水农商行广水支行"),
        ("中国农业发展银行孝感市分行", "", "农业发展银行孝感市分行", "农发行孝感市分行"),
        ("Acme Widgets Co., Ltd.", "", "Acme Widgets", None),
        ("International Trade Center", "", None, "Intl Trade Ctr"),
        ("故宫博物院", "", None, None),
    ],
)  # fmt: skip
def test_best_forms(name: str, city: str, daily: str | None, short: str | None) -> None:
    assert next(iter(everyday(name, city)), None) == daily
    assert next(iter(abbreviations(name, city)), None) == short


@given(
    st.text("中国工商银行农村股份有限公司北京市支行湖北大悟abc ", max_size=25),
    st.sampled_from(["", "北京市", "大悟县"]),
)
def test_forms_of_anything(name: str, city: str) -> None:
    forms = [*everyday(name, city), *abbreviations(name, city)]
    assert name not in forms
    assert len(set(forms)) == len(forms)
    assert all(forms)
    assert "".join(split_name(name, city)) == name
