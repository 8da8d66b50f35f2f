"""A whole chat by the names alone that a screen reader says: no pixel, no key.

by_names.py PROGRAM MODEL --data FOLDER"""
import argparse
import subprocess
import sys
import time

import pyatspi
from gi.repository import GLib

SECONDS = 300
ROLES = {
    "button": pyatspi.ROLE_PUSH_BUTTON,
    "text": pyatspi.ROLE_TEXT,
    "toggle": pyatspi.ROLE_CHECK_BOX,
    "number": pyatspi.ROLE_SPIN_BUTTON,
    "row": pyatspi.ROLE_TABLE_CELL,
    "item": pyatspi.ROLE_MENU_ITEM,
}
# Takes what a person does; the inner parts of such a control need no name of their own.
CONTROLS = set(ROLES.values()) | {
    pyatspi.ROLE_COMBO_BOX, pyatspi.ROLE_SLIDER, pyatspi.ROLE_TREE, pyatspi.ROLE_LIST}
WHOLE = {pyatspi.ROLE_SPIN_BUTTON, pyatspi.ROLE_COMBO_BOX}


def below(root, inside=()):
    """All that is shown."""
    try:
        if root is None or (inside and not root.getState().contains(pyatspi.STATE_VISIBLE)):
            return
        yield root, inside
        for index in range(min(root.childCount, 500)):
            yield from below(root.getChildAtIndex(index), inside + (root.getRole(),))
    except (LookupError, RuntimeError):  # it has gone meanwhile
        return


def soon(what, find):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = find()
        if found:
            return found
        time.sleep(0.1)
    raise SystemExit(f"not within {SECONDS} s: {what}")


class Chat:
    def __init__(self, arguments):
        self.process = subprocess.Popen([arguments.program, "-m", arguments.model, "--data", arguments.data])
        self.window = soon("the window", self.find_window)

    def find_window(self):
        for application in pyatspi.Registry.getDesktop(0):
            if application is not None and application.get_process_id() == self.process.pid and application.childCount:
                return application.getChildAtIndex(0)
        return None

    def named(self, name, role=None):
        wanted = ROLES.get(role)
        return [one for one, _ in below(self.window)
                if one.name == name and (wanted is None or one.getRole() == wanted)]

    def ready(self, name, role):
        """The last of that name which can be used."""
        def usable():
            return [one for one in self.named(name, role)
                    if all(map(one.getState().contains, (pyatspi.STATE_ENABLED, pyatspi.STATE_SHOWING)))]
        return soon(f"{role} '{name}'", usable)[-1]

    def press(self, name, role="button"):
        action = self.ready(name, role).queryAction()
        names = [action.getName(i).lower() for i in range(action.nActions)]
        do = next(one for one in ("press", "click", "toggle") if one in names)
        assert action.doAction(names.index(do)), name

    def write(self, name, text):
        assert self.ready(name, "text").queryEditableText().setTextContents(text), f"'{name}' takes no text"

    def replies(self):
        try:
            return [one.queryText().getText(0, -1) for one in self.named("Reply")]
        except GLib.GError:  # a bubble that was replaced meanwhile; the caller asks again
            return []

    def say(self, text):
        before = len(self.replies())
        self.write("Message", text)
        self.press("Send")
        soon("a reply", lambda: len(self.replies()) > before and self.done())

    def done(self):
        return not self.named("Stop this reply", "button")

    def nameless(self):
        return [f"{one.getRoleName()} in {'/'.join(str(role) for role in inside[-3:])}"
                for one, inside in below(self.window)
                if one.getRole() in CONTROLS and not one.name.strip() and not WHOLE & set(inside)]


def converse(chat):
    chat.press("Settings of the chat", "toggle")
    chat.ready("Most tokens of a reply", "number").queryValue().currentValue = 12
    chat.write("System prompt", "Once there was a fox.")
    time.sleep(1)  # settings count once nothing has been typed for a moment
    chat.say("The fox was")
    chat.say("The next day")
    said = chat.replies()
    assert len(said) == 2 and all(said), said
    assert not chat.nameless(), chat.nameless()
    chat.press("Another reply; the old one stays as a branch")
    soon("another reply", lambda: chat.named("Branch 2 of 2") and chat.done())
    chat.press("Previous branch")
    soon("the first reply again", lambda: chat.named("Branch 1 of 2"))
    assert chat.replies() == said, (chat.replies(), said)
    chat.press("New chat")
    soon("an empty chat", lambda: not chat.replies())
    chat.say("A bird")
    chat.write("Search all chats", "fox")
    soon("the chat with the fox", lambda: any("fox" in row.name for row, _ in below(chat.window)
                                              if row.getRole() == pyatspi.ROLE_TABLE_CELL or
                                              row.getRole() == pyatspi.ROLE_TREE_ITEM))
    return said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    arguments = parser.parse_args()
    chat = Chat(arguments)
    try:
        said = converse(chat)
    except (SystemExit, AssertionError):
        for one, inside in below(chat.window):
            print("  " * len(inside) + f"{one.getRoleName()}: {one.name}", file=sys.stderr)
        raise
    finally:
        chat.process.terminate()
        chat.process.wait()
    print(f"a whole chat by names: {len(said)} replies, a branch, a second chat, a search", file=sys.stderr)


if __name__ == "__main__":
    main()
