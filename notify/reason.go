package notify

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// otherReason stands for every word that is not in reasons.
const otherReason = "other"

// reasons are the words that say in metrics how attempts went. A word that is not here counts as other, so that the
// number of series does not depend on what receivers answer.
var reasons = []string{
	"ok", "timeout", "connection", "dns", "tls", "answer", "expired", "panic", "request", "no_target", "digest", "notice", "config",
	"http_400", "http_401", "http_403", "http_404", "http_408", "http_413", "http_429", "http_500", "http_502", "http_503", "http_504",
	"http_1xx", "http_2xx", "http_3xx", "http_4xx", "http_5xx",
	"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope",
	"channel_not_found", "not_in_channel", "is_archived", "restricted_action", "slack_error",
	"slack_ratelimited", "slack_rate_limited", "slack_internal_error", "slack_fatal_error", "slack_service_unavailable",
	"smtp_4xx", "smtp_5xx", "slack_request_timeout", "slack_team_added_to_org", "slack_external_channel_migrating",
	whyUpdate, whyPage, whyOver, whyAcked, otherReason,
}

// ours are the reasons of rejections that come from quell itself: they tell nothing about the receiver.
var ours = []string{"panic", "request", "no_target", "digest", "notice", "config"}

// Reason names how an attempt or a delivery went in one of few words: ok for nil, other for what has no word of its own.
func Reason(err error) string {
	word := otherReason
	if rejected, ok := errors.AsType[*RejectedError](err); ok {
		word = rejected.Reason
	} else if retry, ok := errors.AsType[*RetryError](err); ok {
		word = retry.Reason
	} else if err == nil {
		word = "ok"
	} else if errors.Is(err, context.DeadlineExceeded) {
		word = "timeout"
	}
	if !slices.Contains(reasons, word) {
		return otherReason
	}
	return word
}

// verdict is what an attempt tells about the receiver, whatever it tells about the delivery.
type verdict int

const (
	// silent tells nothing: quell itself is the reason, or the receiver only asked for patience.
	silent verdict = iota + 1
	// answered is a receiver that works: it took the delivery, or read and refused it.
	answered
	// limited is one that works and takes nothing for now.
	limited
	// ill is one that cannot be reached, or fails.
	ill
)

// judge returns what an attempt's error tells about its receiver.
func judge(err error) verdict {
	if err == nil {
		return answered
	}
	if rejected, ok := errors.AsType[*RejectedError](err); ok {
		if slices.Contains(ours, rejected.Reason) {
			return silent
		}
		return answered
	}
	if retry, ok := errors.AsType[*RetryError](err); ok && limits(retry.Reason) {
		return limited
	}
	return ill
}

// limits reports whether a reason is that of a receiver which only asks for patience.
func limits(reason string) bool { return reason == "http_429" || strings.HasSuffix(reason, "limited") }
