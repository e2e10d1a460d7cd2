"""Slack: one message that is updated in place (a bot's token), or posts to a webhook, which can't update."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slipway.ci.system import Run
from slipway.events import Event, Stage
from slipway.notify import posting
from slipway.notify.notices import NoticeError
from slipway.notify.posting import Answer, Letter, Post, Wait
from slipway.report import markup
from slipway.report.timeline import ENDED, SIGNS, Step, add, ending, is_final

OK = 200
API = "https://slack.com/api"
SHORT = 7  # hex digits of a commit, as git shows it
QUIET: frozenset[Stage] = frozenset({"plan", "build"})  # nothing has reached an environment yet
# Errors that another try won't mend: docs.slack.dev/reference/methods/chat.postMessage.
REMEDIES: Mapping[str, str] = {
    "invalid_auth": "SLACK_BOT_TOKEN is not valid: copy the bot token (xoxb-…) again.",
    "not_authed": "SLACK_BOT_TOKEN is empty or cut: copy the bot token (xoxb-…) again.",
    "account_inactive": "the app or its workspace is gone: install it again and copy the new token.",
    "token_revoked": "the token was revoked: install the app again and copy the new token.",
    "token_expired": "the token has expired: use one without rotation.",
    "missing_scope": "the app lacks the scope chat:write: add it and install the app again.",
    "channel_not_found": "there is no such channel for the app: check SLACK_CHANNEL and invite the app.",
    "not_in_channel": "the app is not in the channel: invite it.",
    "is_archived": "the channel is archived: set SLACK_CHANNEL to another.",
    "no_service": "the webhook was removed: make a new one and set SLACK_WEBHOOK_URL.",
    "invalid_token": "the webhook is not valid: copy its address again into SLACK_WEBHOOK_URL.",
    "action_prohibited": "an administrator of the workspace forbids it.",
}


@dataclass(slots=True)
class Story:
    """What became of one component in one environment, as far as it was told."""

    component: str
    environment: str
    began: float
    steps: dict[Stage, Step] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    outcome: Event | None = None
    channel: str = ""  # Slack's own name of it, which chat.update wants
    stamp: str = ""  # of the message, empty until it is posted
    replied: int = 0  # of `failures`
    posted: str = ""  # the text that stands there

    def take(self, event: Event) -> None:
        """Count `event` in."""
        if event.status == "failed" and not (event.stage == "outcome" and self.failures):
            self.failures.append(failure(event))
        if event.stage == "outcome":
            self.outcome = event if is_final(event) else self.outcome
        else:
            self.steps = add(self.steps, event)


class Message:
    """Tells each rollout as one message; its failures are replies to it."""

    name = "Slack"
    pause = 1.2  # seconds: chat.update may be called about 50 times a minute

    def __init__(
        self, *, token: str, channel: str, run: Run, hidden: frozenset[str], post: Post, base: str
    ) -> None:
        self._headers = {"Authorization": f"Bearer {token}"}
        self._channel = channel
        self._run = run
        self._hidden = hidden
        self._post = post
        self._base = base.rstrip("/")
        self._stories: dict[tuple[str, str], Story] = {}

    def tell(self, events: Sequence[Event], wait: Wait) -> None:
        """Post or update the message of each rollout that `events` belong to."""
        for story in gather(self._stories, events):
            text = hide(message(story, self._run), self._hidden, story)
            if text != story.posted:
                self._show(story, text, wait)
            while story.replied < len(story.failures) and story.stamp:
                reply = hide(story.failures[story.replied], self._hidden, story)
                self._call(
                    "chat.postMessage",
                    {"channel": story.channel, "thread_ts": story.stamp, "text": reply},
                    wait,
                )
                story.replied += 1

    def _show(self, story: Story, text: str, wait: Wait) -> None:
        if story.stamp:
            self._call("chat.update", {"channel": story.channel, "ts": story.stamp, "text": text}, wait)
        else:
            said = self._call(
                "chat.postMessage",
                {"channel": self._channel, "text": text, "unfurl_links": False, "unfurl_media": False},
                wait,
            )
            story.channel = str(said.get("channel") or self._channel)
            story.stamp = str(said.get("ts") or "")
        story.posted = text

    def _call(self, method: str, body: Mapping[str, Any], wait: Wait) -> Mapping[str, Any]:
        letter = Letter(url=f"{self._base}/{method}", headers=self._headers, body=body)
        return _said(posting.deliver(letter, post=self._post, wait=wait))


class Posts:
    """Tells the start, each failure or rollback, and the end of a rollout, each as a post of its own."""

    name = "Slack's webhook"

    def __init__(self, *, url: str, run: Run, hidden: frozenset[str], post: Post) -> None:
        self._url = url
        self._run = run
        self._hidden = hidden
        self._post = post
        self._stories: dict[tuple[str, str], Story] = {}

    def tell(self, events: Sequence[Event], wait: Wait) -> None:
        """Post what of `events` is worth a post."""
        for event in events:
            for story in gather(self._stories, [event]):
                text = self._text(story, event)
                if text:
                    self._send(hide(text, self._hidden, story), wait)

    def _text(self, story: Story, event: Event) -> str:
        if story.outcome is event:
            # An outcome may be said again, after what followed it; the same is posted once.
            text = message(story, self._run, stages=False)
            said = f"{story.outcome.status} {ending(story.outcome)}"
            if story.posted == said:
                return ""
            story.posted = said
            return text
        if not story.posted:
            story.posted = "start"
            return message(story, self._run, stages=False)
        if event.stage == "rollback" and event.status == "started":
            return f"↩️ {title(story)} is being rolled back"
        return f"❌ {title(story)}: {failure(event)}" if event.status == "failed" else ""

    def _send(self, text: str, wait: Wait) -> None:
        answer = posting.deliver(Letter(url=self._url, body={"text": text}), post=self._post, wait=wait)
        if answer.status != OK:
            refused = answer.status not in {0, posting.TOO_MANY} and answer.status < posting.SERVER_FAULT
            raise NoticeError(_refusal("Slack's webhook", answer.status, answer.body), for_good=refused)


def authenticate(token: str, base: str, *, post: Post) -> str:
    """Ask Slack whose token it is (auth.test) and return the team's name. Raises NoticeError."""
    if not posting.is_fit(base):
        raise NoticeError("SLACK_API_URL is no https address: remove the variable.")
    headers = {"Authorization": f"Bearer {token}"}
    said = _said(post(Letter(url=f"{base.rstrip('/')}/auth.test", headers=headers, body={})))
    return markup.one_line(str(said.get("team", "")), 60)


def _said(answer: Answer) -> Mapping[str, Any]:
    if answer.status != OK:
        raise NoticeError(_refusal("Slack", answer.status, answer.body))
    try:
        said = json.loads(answer.body)
    except json.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise NoticeError("Slack answered with something that is no JSON object.")
    if not said.get("ok"):
        raise NoticeError(_refusal("Slack", answer.status, str(said.get("error", ""))), for_good=True)
    return said


def gather(stories: dict[tuple[str, str], Story], events: Sequence[Event]) -> list[Story]:
    """Count `events` into their stories and return those that changed."""
    changed: dict[tuple[str, str], Story] = {}
    for event in events:
        key = (event.component, event.environment)
        if event.stage in QUIET and key not in stories:
            continue
        story = stories.setdefault(
            key, Story(component=event.component, environment=event.environment, began=event.time)
        )
        story.take(event)
        changed[key] = story
    return list(changed.values())


def message(story: Story, run: Run, *, stages: bool = True) -> str:
    """Return the text of a rollout as it stands, in Slack's mrkdwn."""
    lines = [f"{_sign(story)} {title(story)} {_state(story)}", _origin(run)]
    if stages:
        lines += [f"{SIGNS[step.status]} {step.stage}{_took(step)}" for step in story.steps.values()]
    return "\n".join(line for line in lines if line)


def title(story: Story) -> str:
    """Return the component and the environment."""
    return f"*{escape(story.component)}* → *{escape(story.environment)}*"


def failure(event: Event) -> str:
    """Say what failed in our own words, without diagnostics: those can hold what a container printed."""
    what = "The rollout" if event.stage == "outcome" else f"Stage {event.stage}"
    where = event.data.get("step")
    at = f" at `{escape(str(where))}`" if isinstance(where, str) and where else ""
    return f"{what} failed{at}. The run's summary says why."


def escape(text: str) -> str:
    """Return one line of `text` in which Slack finds no link, mention or formatting of code."""
    line = markup.one_line(text, 100).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return line.replace("`", "'").replace("*", "\u2217")


def hide(text: str, hidden: frozenset[str], story: Story) -> str:
    """Return `text` without the values that may not be told; the names of the rollout itself may."""
    told = {story.component, story.environment}
    for value in sorted(hidden - told, key=len, reverse=True):
        text = text.replace(value, "***")
    return text


def _sign(story: Story) -> str:
    if story.outcome is None:
        return "↩️" if "rollback" in story.steps else "🚀"
    if ending(story.outcome) == "rolled-back":
        return "↩️"
    return {"failed": "❌", "skipped": "⏭️", "warning": "⚠️"}.get(story.outcome.status, "✅")


def _state(story: Story) -> str:
    if story.outcome is None:
        return "is being rolled back" if "rollback" in story.steps else "is rolling out"
    words = {"succeeded": "is done", "failed": "failed", "skipped": "was skipped", "warning": "ended"}
    state = ending(story.outcome).replace("-", " ") or words[story.outcome.status]
    return f"{escape(state)} after {markup.duration(story.outcome.time - story.began)}"


def _origin(run: Run) -> str:
    parts = [
        f"`{escape(run.commit[:SHORT])}`" if run.commit else "",
        escape(run.repository),
        f"by {escape(run.actor)}" if run.actor else "",
        f"<{_address(run.url)}|run>" if posting.is_fit(run.url) else "",
    ]
    return " · ".join(part for part in parts if part)


def _address(url: str) -> str:
    return url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")


def _took(step: Step) -> str:
    return f"  {markup.duration(step.seconds)}" if step.status in ENDED else " …"


def _refusal(who: str, status: int, body: str) -> str:
    """Say why in words of ours: an answer is text from outside, and may repeat what was sent."""
    if status == 0:
        return f"{who} could not be reached ({markup.one_line(body, 40)}); the deployment is not affected."
    word = body.strip()
    if word in REMEDIES:
        return f"{who} refused a notice ({word}): {REMEDIES[word]}"
    known = f" ({word})" if word.isidentifier() and len(word) <= 40 else ""  # noqa: PLR2004
    return f"{who} refused a notice with HTTP status {status}{known}; the deployment is not affected."
