"""A page's elements beside the accessibility tree that the browser makes of them. `report_test.py` imports it. Standard library only."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from browser import Message, Page
from report_values import quoted

CONTROLS = {
    "button", "checkbox", "combobox", "DisclosureTriangle", "link", "listbox", "menuitem", "menuitemcheckbox", "menuitemradio", "radio",
    "scrollbar", "searchbox", "slider", "spinbutton", "switch", "tab", "textbox", "treeitem", "ComboBoxSelect", "DisclosureTriangleGrouped"}
CLICKS = {"click", "dblclick", "mousedown", "mouseup", "pointerdown", "pointerup", "touchstart"}
# Tab leads to one control of these; arrow keys lead to the others.
GROUPS = {"listbox", "menu", "menubar", "radiogroup", "tablist", "toolbar", "tree", "grid"}


class Tree:
    """The page as the browser tells it to a screen reader, beside its elements."""

    def __init__(self, page: Page) -> None:
        self.elements: dict[int, Message] = {}
        self.parents: dict[int, int] = {}
        self.collect(page.call("DOM.getDocument", depth=-1, pierce=True)["root"], 0)
        nodes = page.call("Accessibility.getFullAXTree")["nodes"]
        # What is hidden from everybody is not in it.
        self.nodes = {node["backendDOMNodeId"]: node for node in nodes if not node["ignored"] and "backendDOMNodeId" in node}
        # By the page's own world: ours sees no listener of it.
        document = page.call("Runtime.evaluate", expression="document")["result"]["objectId"]
        listeners = page.call("DOMDebugger.getEventListeners", objectId=document, depth=-1)["listeners"]
        self.clicked = {listener.get("backendNodeId") for listener in listeners if listener["type"] in CLICKS}

    def collect(self, element: Message, parent: int) -> None:
        number = element["backendNodeId"]
        self.elements[number], self.parents[number] = element, parent
        flat = element.get("attributes", [])
        element["named"] = dict(zip(flat[::2], flat[1::2]))
        for child in element.get("children", []):
            self.collect(child, number)

    def role(self, number: int) -> str:
        return self.nodes[number]["role"]["value"] if number in self.nodes else ""

    def name(self, number: int) -> str:
        return self.nodes.get(number, {}).get("name", {}).get("value", "").strip()

    def has(self, number: int, key: str) -> Any:
        """A property of the accessibility tree, as `level`."""
        found = [entry["value"].get("value") for entry in self.nodes[number].get("properties", []) if entry["name"] == key]
        return found[0] if found else None

    def tagged(self, tag: str) -> Iterator[int]:
        return (number for number, element in self.elements.items() if element["localName"].lower() == tag)

    def above(self, number: int) -> Iterator[int]:
        while number := self.parents[number]:
            yield number

    def called(self, number: int) -> str:
        """An element for a person who looks for it."""
        element = self.elements[number]
        names = "".join(f"{mark}{element['named'][key]}" for key, mark in (("id", "#"), ("class", ".")) if key in element["named"])
        return f"<{element['localName']}{names}>" + (f" {quoted(self.name(number))}" if self.name(number) else "")

    def interactive(self) -> list[int]:
        """What a person does something with: by its role, or because it takes the focus or a click."""
        found = []
        for number in self.nodes:
            element = self.elements.get(number)
            if not element or element["localName"] in ("", "html", "option") or self.has(number, "disabled"):
                continue
            if number in self.clicked and self.role(number) not in CONTROLS and not self.holds_control(number):
                found.append(number)
                continue
            takes_focus = self.has(number, "focusable") and element["named"].get("tabindex") != "-1"
            if self.role(number) in CONTROLS or takes_focus:
                found.append(number)
        return found

    def holds_control(self, number: int) -> bool:
        """Whether an element listens for what is inside of it, or is inside of a control."""
        related = [other for other in self.nodes if other in self.elements and self.role(other) in CONTROLS]
        return any(number in self.above(other) or other in self.above(number) for other in related)

    def is_together(self, one: int, other: int) -> bool:
        """Whether Tab leads to only one of two controls: radio buttons of one name, or members of a group."""
        group = next((above for above in self.above(one) if self.role(above) in GROUPS), None)
        if group and group in self.above(other):
            return True
        names = {(self.role(number), self.elements[number]["named"].get("name")) for number in (one, other)}
        return self.role(one) == "radio" and len(names) == 1
