package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"quell/ingest/hook"
	"quell/internal/strictyaml"
	"quell/notify"
	"quell/rules/webhook"
)

// maxWebhooks bounds the sources, since each has metrics of its own.
const maxWebhooks = 200

// webhookName is the form of a source's name: part of a path, of labels and of metrics.
var webhookName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// webhooks reads who may post what.
func (l *loader) webhooks(n strictyaml.Node) {
	language := webhook.NewLanguage()
	n.List(func(n strictyaml.Node) { l.webhook(n, language) })
	if count := len(l.config.Webhooks); count > maxWebhooks {
		n.Problem(fmt.Sprintf("%d webhooks are more than %d", count, maxWebhooks), "")
	}
}

func (l *loader) webhook(n strictyaml.Node, language *webhook.Language) {
	s := &hook.Source{MaxItems: hook.DefaultMaxItems, Labels: make(map[string]string)}
	var preset string
	n.Pick(strictyaml.Fields{"preset": func(n strictyaml.Node) { s.Mapping = l.webhookPreset(n, &preset, language) }})
	if s.Mapping == nil {
		s.Mapping = language.Empty()
	}
	// What follows builds on what goes before, in whatever order the file has it.
	n.Pick(strictyaml.Fields{"mapping_file": l.webhookFile(s.Mapping)})
	n.Pick(strictyaml.Fields{"mapping": s.Mapping.Read})
	done := func(strictyaml.Node) {}
	var auth *webhookAuth
	n.Map(strictyaml.Fields{
		"name":                  l.webhookName(&s.Name),
		"preset":                done,
		"mapping_file":          done,
		"mapping":               done,
		"auth":                  func(n strictyaml.Node) { auth = l.webhookAuth(n, s) },
		"allow_unauthenticated": strictyaml.Bool(&s.AllowUnauthenticated),
		"labels":                webhookLabels(s.Labels),
		"max_items":             strictyaml.Int(&s.MaxItems, 1, 10_000),
	}, "name")
	if preset == "" && !s.Mapping.Whole() {
		n.Problem("webhook that maps nothing", "give a preset ("+strings.Join(webhook.Presets(), ", ")+"), a mapping_file or a mapping")
	}
	l.checkWebhookAuth(n, s, auth)
	l.config.Webhooks = append(l.config.Webhooks, s)
}

// checkWebhookAuth looks whether it is known who may post.
func (l *loader) checkWebhookAuth(n strictyaml.Node, s *hook.Source, auth *webhookAuth) {
	switch {
	case auth != nil && auth.kinds > 1:
		n.Problem("webhook with several kinds of auth", "give one of "+webhookAuthKinds)
	case s.Mapping.SNS && s.Auth.SNS == nil:
		n.Problem("messages of SNS are believed by their signature", "write auth: {sns: {topic_arns: [ARN]}}")
	case !s.Mapping.SNS && s.Auth.SNS != nil:
		n.Problem("auth by sns needs a mapping of SNS' messages", "take the preset cloudwatch, or write sns: true in the mapping")
	case auth != nil && auth.kinds > 0 || s.AllowUnauthenticated:
	default:
		l.openWebhooks = append(l.openWebhooks, n)
	}
}

// checkWebhooks reports the sources that strangers could use, once it is known who can reach quell.
func (l *loader) checkWebhooks() {
	if !l.allowRemote {
		return
	}
	for _, n := range l.openWebhooks {
		n.Problem("webhook without auth, and other machines can reach quell", "give auth: one of "+webhookAuthKinds+"; or allow_unauthenticated: true")
	}
}

func (l *loader) webhookName(to *string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.Name(to)(n)
		switch {
		case *to == "":
			return // reported already
		case !webhookName.MatchString(*to):
			n.Problem(strictyaml.Quote(*to)+" is no name for a webhook", "lower-case letters, digits and '-', at most 63")
		case slices.ContainsFunc(l.config.Webhooks, func(s *hook.Source) bool { return s.Name == *to }):
			n.Problem("second webhook of name "+strictyaml.Quote(*to), "")
		}
	}
}

func (l *loader) webhookPreset(n strictyaml.Node, name *string, language *webhook.Language) *webhook.Mapping {
	strictyaml.Name(name)(n)
	if *name == "" {
		return nil
	}
	m, ok := language.Preset(*name)
	if !ok {
		hint := strictyaml.Suggest(*name, webhook.Presets())
		if hint == "" {
			hint = "there are " + strings.Join(webhook.Presets(), ", ")
		}
		n.Problem("unknown preset "+strictyaml.Quote(*name), hint)
	}
	return m
}

// webhookFile reads a mapping from a file of its own.
func (l *loader) webhookFile(m *webhook.Mapping) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var name string
		strictyaml.Name(&name)(n)
		if name == "" {
			return
		}
		path := l.path(name)
		data, err := l.read(name, strictyaml.MaxBytes)
		if err != nil {
			n.ProblemAs(kindUnreadable, "mapping file "+strictyaml.Quote(name)+" cannot be read: "+cause(err), "")
			return
		}
		l.record(path, name, data)
		l.problems = append(l.problems, strictyaml.Read(path, data, m.Read)...)
	}
}

func webhookLabels(to map[string]string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		n.Entries(func(name string, n strictyaml.Node) {
			var value string
			strictyaml.Name(&value)(n)
			to[name] = value
		})
	}
}

const webhookAuthKinds = "bearer_file, basic, hmac, sns"

// webhookAuth counts the kinds of auth that were given, also those that could not be read.
type webhookAuth struct{ kinds int }

func (l *loader) webhookAuth(n strictyaml.Node, s *hook.Source) *webhookAuth {
	a := new(webhookAuth)
	kind := func(set strictyaml.Setter) strictyaml.Setter {
		return func(n strictyaml.Node) {
			a.kinds++
			set(n)
		}
	}
	n.Map(strictyaml.Fields{
		"bearer_file": kind(l.webhookSecret(&s.Auth.Bearer)),
		"bearer":      inline("bearer"),
		"token":       inline("bearer"),
		"token_file":  strictyaml.Refuse("a token is that of a bearer", "write bearer_file: PATH"),
		"basic": kind(func(n strictyaml.Node) {
			s.Auth.Basic = new(hook.Basic)
			n.Map(strictyaml.Fields{
				"username":      strictyaml.Name(&s.Auth.Basic.Username),
				"password_file": l.webhookSecret(&s.Auth.Basic.Password),
				"password":      inline("password"),
			}, "username", "password_file")
		}),
		"hmac": kind(func(n strictyaml.Node) { l.webhookHMAC(n, s) }),
		"sns": kind(func(n strictyaml.Node) {
			s.Auth.SNS = &hook.SNS{MaxAge: 2 * time.Hour}
			n.Map(strictyaml.Fields{
				"topic_arns": list(webhookTopic(&s.Auth.SNS.TopicARNs)),
				"max_age":    strictyaml.Duration(&s.Auth.SNS.MaxAge, time.Minute, day),
			}, "topic_arns")
		}),
	})
	return a
}

// webhookHMAC reads how bodies are signed. What a preset knows of its sender need not be said again.
func (l *loader) webhookHMAC(n strictyaml.Node, s *hook.Source) {
	known := s.Mapping.Signature
	h := &hook.HMAC{
		Header: known.Header, Prefix: known.Prefix, Algorithm: known.Algorithm, Encoding: known.Encoding,
		TimestampHeader: known.TimestampHeader, Separator: known.Separator, Tolerance: 5 * time.Minute,
	}
	if h.Algorithm == "" {
		h.Algorithm = "sha256"
	}
	if h.Encoding == "" {
		h.Encoding = "hex"
	}
	if h.Separator == "" {
		h.Separator = "."
	}
	n.Map(strictyaml.Fields{
		"secret_file":      l.webhookSecret(&h.Secret),
		"secret":           inline("secret"),
		"header":           strictyaml.Name(&h.Header),
		"prefix":           strictyaml.String(&h.Prefix),
		"algorithm":        strictyaml.Word(&h.Algorithm, webhook.Algorithms...),
		"encoding":         strictyaml.Word(&h.Encoding, webhook.Encodings...),
		"timestamp_header": strictyaml.Name(&h.TimestampHeader),
		"separator":        strictyaml.String(&h.Separator),
		"tolerance":        strictyaml.Duration(&h.Tolerance, time.Second, time.Hour),
	}, "secret_file")
	if h.Header == "" {
		n.Problem("signature without a header", "it names the header that carries the signature")
	}
	s.Auth.HMAC = h
}

func (l *loader) webhookSecret(to *hook.Secret) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var s notify.Secret
		l.secret(&s)(n)
		*to = hook.Secret(s)
	}
}

func webhookTopic(to *[]string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var arn string
		strictyaml.Name(&arn)(n)
		switch {
		case arn == "":
			return // reported already
		case !hook.IsTopicARN(arn):
			n.Problem(strictyaml.Quote(arn)+" names no topic", "copy the ARN of the topic; it looks like arn:aws:sns:eu-central-1:123456789012:alarms")
		default:
			*to = append(*to, arn)
		}
	}
}
