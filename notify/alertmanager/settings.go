//go:build !slim

package alertmanager

import (
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"regexp"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/config/receiver"
	amnotify "github.com/prometheus/alertmanager/notify"
	amtemplate "github.com/prometheus/alertmanager/template"
	common "github.com/prometheus/common/config"

	"quell/notify"
	"quell/notify/template"
)

// settings are an integration's, decoded and checked by Alertmanager's configuration package, with quell's texts where users wrote none.
type settings struct {
	kind
	typ string
	// receiver has this integration and no other.
	receiver *amconfig.Receiver
}

// settingsType is what Alertmanager decodes an integration of a type into.
func settingsType(typ string) reflect.Type {
	for f := range reflect.TypeFor[amconfig.Receiver]().Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name == typ+"_configs" {
			return pointed(f.Type.Elem())
		}
	}
	panic("alertmanager: no settings for " + typ)
}

// standard is how Alertmanager writes the default of a field.
var standard = regexp.MustCompile(`^\{\{ ?template "[a-z0-9]+\.default\.[a-z_]+" \. ?\}\}$`)

// load decodes and checks what [Reader] wrote.
func load(c notify.OtherConfig) (*settings, error) {
	k, ok := kinds[c.Type]
	if !ok {
		return nil, fmt.Errorf("no integration of type %q", c.Type)
	}
	cfg, err := amconfig.Load(c.Settings)
	if err != nil {
		return nil, err
	}
	if len(cfg.Receivers) != 1 {
		return nil, fmt.Errorf("want one receiver, got %d", len(cfg.Receivers))
	}
	s := &settings{kind: k, typ: c.Type, receiver: &cfg.Receivers[0]}
	s.receiver, err = s.each(s.receiver, func(path, text string) (string, error) {
		if ours := s.texts[path]; ours != "" && standard.MatchString(text) {
			return ours, nil
		}
		return text, nil
	})
	if err != nil {
		return nil, err
	}
	s.fill()
	return s, nil
}

// each replaces the templates in a copy of a receiver. Paths begin at the integration.
func (s *settings) each(r *amconfig.Receiver, render func(path, text string) (string, error)) (*amconfig.Receiver, error) {
	return template.Expand(r, func(path, text string) (string, error) {
		return render(strings.TrimPrefix(path, s.typ+"_configs[0]."), text)
	})
}

// fill gives texts to fields that Alertmanager leaves empty, where there is one to give.
func (s *settings) fill() {
	v := s.value()
	for path, text := range s.texts {
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if name == path && v.Field(i).Kind() == reflect.String && v.Field(i).Len() == 0 {
				v.Field(i).SetString(text)
			}
		}
	}
}

// value is the integration's struct.
func (s *settings) value() reflect.Value {
	want := settingsType(s.typ)
	for _, f := range reflect.ValueOf(s.receiver).Elem().Fields() {
		if f.Kind() == reflect.Slice && f.Len() == 1 && pointed(f.Type().Elem()) == want {
			return f.Index(0).Elem()
		}
	}
	panic("alertmanager: settings without an integration of type " + s.typ)
}

// resolves reports whether the receiver is told when an incident is over.
func (s *settings) resolves() bool {
	return s.value().FieldByName("VSendResolved").Bool()
}

// fields are the texts that are templates.
func (s *settings) fields() []notify.Field {
	var list []notify.Field
	_, _ = s.each(s.receiver, func(path, text string) (string, error) { // the function returns no error
		list = append(list, s.field(path, text))
		return text, nil
	})
	return list
}

// field is one text, with how its receiver reads it.
func (s *settings) field(path, text string) notify.Field {
	f := notify.Field{Name: path, Text: text}
	switch {
	case s.typ == "email":
		f.HTML = path == "html"
	case s.typ == "telegram":
		f.HTML = path == "message" && s.receiver.TelegramConfigs[0].ParseMode == "HTML"
	case s.typ == "pushover":
		f.HTML = path == "message" && s.receiver.PushoverConfigs[0].HTML
	}
	for _, m := range s.markdown {
		if m == path {
			f.Escape = escapeMarkdown
		}
	}
	return f
}

// check finds what only shows when the integration is used, such as a certificate that is none.
func (s *settings) check() error {
	if s.typ == "email" {
		_, err := common.NewTLSConfig(s.receiver.EmailConfigs[0].TLSConfig)
		return err
	}
	_, err := s.build(nil, nowhere)
	return err
}

// nowhere stands for quell's address where nobody said it: Alertmanager's notifiers insist on one.
var nowhere = &url.URL{Scheme: "http", Host: "quell.invalid"}

// build makes Alertmanager's notifier. Its connections are the caller's: they end with the attempt that they are made for.
func (s *settings) build(dial common.DialContextFunc, external *url.URL) (amnotify.Notifier, error) {
	tmpl, err := amtemplate.New()
	if err != nil {
		return nil, err
	}
	tmpl.ExternalURL = external
	opts := []common.HTTPClientOption{common.WithKeepAlivesDisabled(), common.WithUserAgent("quell")}
	if dial != nil {
		opts = append(opts, common.WithDialContextFunc(dial))
	}
	built, err := receiver.BuildReceiverIntegrations(*s.receiver, tmpl, slog.New(slog.DiscardHandler), opts...)
	if err != nil {
		return nil, err
	}
	return &built[0], nil
}
