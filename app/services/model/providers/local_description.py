"""What the embedded network saw, in a sentence, in English or Chinese."""

from app.models.verdict import Verdict

_CHINESE_NAMES = ("chinese", "mandarin", "中文", "汉语", "漢語", "普通话")

_GROUPS = {
    "pets": ("a pet", "宠物"),
    "wild animals": ("an animal", "动物"),
    "foods": ("food or drink", "食物或饮料"),
    "places": ("a place", "风景或建筑"),
    "screens": ("a screen or printed matter", "屏幕或印刷品"),
    "clothes and persons": ("clothes or a person", "服饰或人物"),
    "stage": ("a stage", "舞台"),
}


def describe(verdict: Verdict, language: str) -> str:
    """Return what was seen, and that no model was asked. Other languages than Chinese get English."""
    return _in_chinese(verdict) if _is_chinese(language) else _in_english(verdict)


def _is_chinese(language: str) -> bool:
    name = language.casefold()
    return name.startswith("zh") or any(known in name for known in _CHINESE_NAMES)


def _in_english(verdict: Verdict) -> str:
    seen = ["no face" if verdict.faces == 0 else "1 face" if verdict.faces == 1 else f"{verdict.faces} faces"]
    if verdict.looks_like is not None:
        seen.append(f'something like "{verdict.looks_like}"')
    elif verdict.group in _GROUPS:
        seen.append(f"probably {_GROUPS[verdict.group][0]}")
    return f"No model was asked; the embedded network saw {', '.join(seen)}."


def _in_chinese(verdict: Verdict) -> str:
    seen = ["没有脸" if verdict.faces == 0 else f"{verdict.faces} 张脸"]
    if verdict.looks_like is not None:
        seen.append(f"像“{verdict.looks_like}”")
    elif verdict.group in _GROUPS:
        seen.append(f"可能是{_GROUPS[verdict.group][1]}")
    return f"未询问模型；内置网络看到：{'，'.join(seen)}。"
