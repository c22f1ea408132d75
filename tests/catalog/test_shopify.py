from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shop.catalog.presentation.shopify import MOST_BYTES, Import, Row, read_products
from shop.catalog.presentation.shopify_cells import Fault
from shop.catalog.presentation.shopify_ids import LONGEST_ID
from shop.kernel.money import Money, NotMoney

OLD = "Handle,Title,Body (HTML),Vendor,Type,Tags,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty"
OLD += ",Variant Price,Variant Compare At Price"


def sheet(*rows: dict[str, str], headings: str = OLD, delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, headings.split(","), delimiter=delimiter, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def mug(**cells: str) -> dict[str, str]:
    """A row; `price="5"` is short for its heading."""
    short = {"price": "Variant Price", "compare": "Variant Compare At Price", "sku": "Variant SKU"}
    short |= {"quantity": "Variant Inventory Qty", "option": "Option1 Name", "value": "Option1 Value"}
    short |= {
        "handle": "Handle",
        "title": "Title",
        "body": "Body (HTML)",
        "vendor": "Vendor",
        "type": "Type",
        "tags": "Tags",
    }
    given = {"handle": "mug", "title": "Mug", "price": "5.00"} | cells
    return {short.get(name, name): cell for name, cell in given.items()}


def read(*rows: dict[str, str], currency: str = "EUR", headings: str = OLD) -> Import:
    return read_products(sheet(*rows, headings=headings), currency)


def only(found: Import) -> Row:
    assert found.faults == ()
    (row,) = found.products
    return row


def told(found: Import) -> list[tuple[int, str]]:
    return [(fault.line, fault.field) for fault in found.faults]


def test_the_headings_of_old_are_read() -> None:
    row = only(read(mug(body="<p>For <b>tea</b></p>", vendor="Orla  Clay", type="Cups", tags="a, b ,", quantity="7")))

    assert (row.line, row.product_id, row.on_hand) == (2, "mug", 7)
    assert row.price.base == Money(500, "EUR")
    assert row.details == {
        "sku": "mug",
        "name": "Mug",
        "description": "For tea",
        "category": "Cups",
        "supplier_id": "Orla Clay",
        "group_id": None,
        "attributes": {"tags": ["a", "b"]},
    }


def test_the_headings_of_today_are_read_in_any_case() -> None:
    headings = "Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,"
    headings += "Option1 name,OPTION1 VALUE,Price,Compare-at price,Inventory quantity"
    row = {
        "Title": "Mug",
        "URL handle": "mug",
        "Product category": "Home & Garden > Kitchen/Dining > Mugs",
        "Type": "Cup",
        "Status": "Draft",
        "SKU": "M-1",
        "Option1 name": "Title",
        "OPTION1 VALUE": "Default Title",
        "Price": "5",
        "Compare-at price": "8.50",
        "Inventory quantity": "3",
    }

    found = only(read(row, headings=headings))

    assert (found.product_id, found.details["sku"], found.on_hand) == ("M-1", "M-1", 3)
    assert found.details["category"] == "Home & Garden/Kitchen Dining/Mugs"
    assert found.details["status"] == "archived"
    assert (found.price.base, found.price.discounted) == (Money(850, "EUR"), Money(500, "EUR"))


def test_variants_of_one_article_share_what_its_first_row_says() -> None:
    found = read(
        mug(option="Size", value="Small", type="Cups", tags="tea"),
        mug(title="", value="Extra Large", price="6"),
    )

    small, large = found.products
    assert (small.product_id, large.product_id) == ("mug~small", "mug~extra-large")
    assert (small.details["name"], large.details["name"]) == ("Mug \u2013 Small", "Mug \u2013 Extra Large")
    assert small.details["group_id"] == large.details["group_id"] == "mug"
    assert large.details["attributes"] == {"tags": ["tea"], "Size": "Extra Large"}
    assert large.details["category"] == "Cups"


def test_a_row_that_has_an_image_and_nothing_else_is_passed_over() -> None:
    image = {"Handle": "mug", "Image Src": "https://example.org/mug.jpg"}
    found = read(mug(), image, headings=f"{OLD},Image Src")

    assert only(found).details["group_id"] is None


@pytest.mark.parametrize(
    ("sku", "product_id"),
    [
        ("A-1", "A-1"),
        ("'00012", "00012"),
        ("A 1/2 (new)", "A-1-2-new"),
        ("Größe", "Grosse"),
        ("", "mug"),
        ("???", "mug"),
        ("..", "mug"),
    ],
)
def test_the_id_is_the_sku_in_the_letters_of_an_id(sku: str, product_id: str) -> None:
    assert only(read(mug(sku=sku))).product_id == product_id


def test_letters_that_an_id_cannot_keep_are_kept_apart() -> None:
    found = read(mug(option="Farbe", value="红"), mug(title="", value="蓝"))

    assert found.faults == ()
    assert len({row.product_id for row in found.products}) == 2


def test_a_long_id_is_cut_and_stays_the_same() -> None:
    first, again = (only(read(mug(sku="x" * 150))).product_id for _ in range(2))

    assert first == again
    assert len(first) == LONGEST_ID


@pytest.mark.parametrize(
    ("price", "compare", "base", "discounted"),
    [
        ("5.00", "", 500, None),
        ("5.00", "8.00", 800, 500),
        ("5.00", "5.00", 500, None),
        ("5.00", "4.00", 500, None),
        ("5.00", "0", 500, None),
        ("0", "8.00", 800, 0),
    ],
)
def test_a_price_below_compare_at_price_is_a_discount(
    price: str, compare: str, base: int, discounted: int | None
) -> None:
    found = only(read(mug(price=price, compare=compare))).price

    assert found.base.minor == base
    assert (found.discounted.minor if found.discounted else None) == discounted


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1234", 123400),
        ("1234.5", 123450),
        ("1234,50", 123450),
        ("1,234.50", 123450),
        ("1.234,50", 123450),
        ("1 234,50", 123450),
        ("1'234.50", 123450),
        ("1,234,567", 123456700),
        ("0.500", 50),
        (".5", None),
        ("1,23,4.50", None),
        ("1.234", None),
        ("1,234", None),
        ("5.999", None),
        ("12.345.6", None),
        ("€ 5", None),
        ("5e3", None),
        ("NaN", None),
        ("-", None),
        ("٣", None),
    ],
)
def test_an_amount_is_read_or_refused_and_never_guessed(text: str, minor: int | None) -> None:
    found = read(mug(price=text))

    if minor is None:
        assert told(found) == [(2, "Variant Price")]
    else:
        assert only(found).price.base.minor == minor


@pytest.mark.parametrize(("other", "minor"), [("9,50", 123400), ("9.50", None)])
def test_the_other_prices_tell_what_a_doubtful_mark_is(other: str, minor: int | None) -> None:
    found = read(mug(price="1.234"), mug(handle="pot", title="Pot", price=other))

    if minor is None:
        assert told(found) == [(2, "Variant Price")]  # 1.234 euros: more decimals than there are
    else:
        assert found.products[0].price.base.minor == minor


def test_three_decimals_are_decimals_where_the_currency_has_three() -> None:
    assert only(read(mug(price="1.234"), currency="KWD")).price.base.minor == 1234


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_delimiter_newlines_and_byte_order_mark_make_no_difference(delimiter: str, newline: str, mark: str) -> None:
    text = sheet(mug(price="5,50"), delimiter=delimiter).decode().replace("\r\n", newline)

    assert only(read_products((mark + text).encode(), "EUR")).price.base.minor == 550


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"price": "-1"}, "Variant Price"),
        ({"price": ""}, "Variant Price"),
        ({"price": "9" * 19}, "Variant Price"),
        ({"compare": "x"}, "Variant Compare At Price"),
        ({"quantity": "1.5"}, "Variant Inventory Qty"),
        ({"quantity": "many"}, "Variant Inventory Qty"),
        ({"quantity": "99999999999"}, "Variant Inventory Qty"),
        ({"handle": ""}, "Handle"),
        ({"handle": "!!"}, "Handle"),
        ({"title": "x" * 201}, "Title"),
        ({"title": ""}, "Title"),
        ({"vendor": "x" * 201}, "Vendor"),
        ({"type": "x" * 401}, "Type"),
        ({"body": "x" * 66_000}, "Body (HTML)"),
        ({"tags": "x" * 33_000}, "Tags"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_heading(cells: dict[str, str], field: str) -> None:
    found = read(mug(handle="fine"), mug(**cells))

    assert told(found) == [(3, field)]


def test_a_cell_of_several_lines_counts_as_several() -> None:
    found = read(mug(body="<p>one\ntwo\r\nthree</p>"), mug(handle="pot", title="Pot", price="?"))

    assert told(found) == [(5, "Variant Price")]


def test_the_same_id_twice_is_a_fault_that_names_both_lines() -> None:
    (fault,) = read(mug(sku="A"), mug(handle="pot", title="Pot", sku="A")).faults

    assert (fault.line, fault.field) == (3, "Variant SKU")
    assert "line 2" in fault.message


def test_a_missing_column_is_named() -> None:
    assert told(read_products(b"Handle,Title\nmug,Mug\n", "EUR")) == [(1, "Variant Price")]


def test_a_column_may_not_stand_there_twice() -> None:
    assert told(read_products(b"Handle,Title,Price,Variant Price\nmug,Mug,1,2\n", "EUR")) == [(1, "Variant Price")]


def test_columns_that_are_not_there_are_left_out_of_the_details() -> None:
    row = only(read_products(b"Handle,Title,Price\nmug,Mug,5\n", "EUR"))

    assert set(row.details) == {"sku", "name", "category", "group_id"}
    assert row.on_hand is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('Handle,Title,Price\nmug,"Mug,5\npot,Pot,6\n', 2),
        ('Handle,Title,Price\nmug,Mug,5\npot,"Pot,6\ncup,"Cup",7\n', 3),
        ('Handle,Title,Price\nmug,"Mug\nof two lines","5\n', 3),
        ('Handle,Title,Price\nmug,"Mug"s,5\n', 2),
    ],
)
def test_a_broken_quote_is_found_where_it_opens(text: str, line: int) -> None:
    assert (line, "row") in told(read_products(text.encode(), "EUR"))


@pytest.mark.parametrize("row", ["mug,Mug", "mug,Mug,5,6"])
def test_a_row_with_too_few_or_too_many_cells_is_a_fault(row: str) -> None:
    assert told(read_products(f"Handle,Title,Price\n\n{row}\n".encode(), "EUR")) == [(3, "row")]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        (b"\n \n", 1),
        (b"\xff\xfeH\0", 1),
        (b"Handle,Title,Price\nmug,M\xfcg,5\n", 2),
        (b"Handle,Title,Price\n", 1),
    ],
)
def test_a_file_without_products_is_a_fault(content: bytes, line: int) -> None:
    assert told(read_products(content, "EUR")) == [(line, "file")]


def test_a_file_that_is_too_large_is_a_fault() -> None:
    assert told(read_products(b"x" * (MOST_BYTES + 1), "EUR")) == [(1, "file")]


def test_oversold_stock_is_none_and_remarked() -> None:
    found = read(mug(quantity="-3"))

    assert only(found).on_hand == 0
    assert [(remark.line, remark.field) for remark in found.remarks] == [(2, "Variant Inventory Qty")]


@pytest.mark.parametrize(
    ("published", "status", "kept"),
    [
        ("TRUE", "active", "active"),
        ("", "", "active"),
        ("FALSE", "", "archived"),
        ("false", "active", "archived"),
        ("true", "Archived", "archived"),
        ("true", "unlisted", "archived"),
        ("true", "gone", None),
    ],
)
def test_what_shopify_does_not_show_is_archived(published: str, status: str, kept: str | None) -> None:
    found = read(mug(Published=published, Status=status), headings=f"{OLD},Published,Status")

    if kept is None:
        assert told(found) == [(2, "Status")]
    else:
        assert only(found).details["status"] == kept


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain  text", "plain text"),
        ("<p>One</p><p>Two<br>Three &amp; four</p>", "One\n\nTwo\nThree & four"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<style>p{}</style><script>1</script>seen", "seen"),
        ("5 < 6", "5 < 6"),
        ("<![odd>left", "left"),
    ],
)
def test_a_description_is_text(html: str, text: str) -> None:
    assert only(read(mug(body=html))).details["description"] == text


def test_an_unknown_currency_is_the_callers_fault() -> None:
    with pytest.raises(NotMoney):
        read_products(sheet(mug()), "XXX")


WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@given(
    articles=st.dictionaries(
        st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True),
        st.tuples(WORDS, st.integers(0, 10**9), st.integers(0, 10**6)),
        min_size=1,
        max_size=6,
    ),
    delimiter=st.sampled_from(",;\t"),
)
def test_what_was_written_is_read(articles: dict[str, tuple[str, int, int]], delimiter: str) -> None:
    rows = [
        mug(
            handle=handle,
            title=title,
            body=f"{title}\n{title}".replace("<", "").replace("&", ""),
            quantity=str(quantity),
        )
        | {"Variant Price": str(Money(minor, "EUR"))}
        for handle, (title, minor, quantity) in articles.items()
    ]

    found = read_products(sheet(*rows, delimiter=delimiter), "EUR")

    assert found.faults == ()
    assert {
        row.product_id: (row.details["name"], row.price.base.minor, row.on_hand) for row in found.products
    } == articles


@settings(max_examples=300)
@given(
    cuts=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 30), st.text('",;\n\r\0<!&é\u2028x0.', max_size=6)), max_size=4
    )
)
@example(cuts=[(0.0, 30, '"')])
def test_damage_gives_faults_and_never_an_exception(cuts: list[tuple[float, int, str]]) -> None:
    text = sheet(
        mug(body='<p>A "big" one\n<br></p>', value="S"), mug(title="", value="L"), mug(handle="b", sku="B")
    ).decode()
    for where, length, instead in cuts:
        at = int(where * len(text))
        text = text[:at] + instead + text[at + length :]

    found = read_products(text.encode(), "EUR")

    lines = text.count("\n") + text.count("\r") + 1
    assert found.products or found.faults
    assert all(isinstance(fault, Fault) and 1 <= fault.line <= lines and fault.message for fault in found.faults)


@given(content=st.binary(max_size=400))
def test_any_bytes_give_faults_and_never_an_exception(content: bytes) -> None:
    assert read_products(content, "EUR").faults


@given(body=st.text(max_size=200) | st.text("<>!-[]/&;= 'abp\"?", max_size=80))
def test_any_description_is_read(body: str) -> None:
    assert read_products(sheet(mug(body=body)), "EUR").products
