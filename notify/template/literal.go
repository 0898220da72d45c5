package template

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Literal returns a text template that renders to just this text: what Alertmanager's notifiers execute once more stays what it is, even if a
// label says {{ in it.
func Literal(text string) string { return quoted("{{ ", text) }

// LiteralHTML does the same for HTML templates.
func LiteralHTML(html string) string { return quoted("{{ safeHtml ", html) }

func quoted(begin, text string) string {
	if !strings.Contains(text, "{{") {
		return text
	}
	return begin + strconv.Quote(text) + " }}"
}

// maxExpandDepth bounds how deep a configuration may be nested, or refer to itself.
const maxExpandDepth = 32

// Expand copies a configuration and replaces each text in it that is a template: strings with {{ in them, in fields, maps and lists, but no
// credentials. It takes and returns a pointer to a struct and does not change what it was given. The path is made of the fields' YAML names:
// "fields[0].title", "details.cluster". Keys of maps stay. The error is the first that render returns.
func Expand[T any](config *T, render func(path, text string) (string, error)) (*T, error) {
	x := expansion{render: render}
	copied := x.value(reflect.ValueOf(config).Elem(), "", 0)
	if x.err != nil {
		return nil, x.err
	}
	result := new(T)
	reflect.ValueOf(result).Elem().Set(copied)
	return result, nil
}

// expansion is the state of one Expand. After an error nothing more is rendered.
type expansion struct {
	render func(path, text string) (string, error)
	err    error
}

// value returns v if it holds no template, or a copy.
func (x *expansion) value(v reflect.Value, path string, depth int) reflect.Value {
	if x.err != nil || depth > maxExpandDepth {
		return v
	}
	switch v.Kind() {
	case reflect.String:
		return x.text(v, path)
	case reflect.Pointer, reflect.Interface:
		return x.pointer(v, path, depth)
	case reflect.Struct:
		return x.fields(v, path, depth)
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		list := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			list.Index(i).Set(x.value(v.Index(i), fmt.Sprintf("%s[%d]", path, i), depth+1))
		}
		return list
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		m := reflect.MakeMapWithSize(v.Type(), v.Len())
		for entry := v.MapRange(); entry.Next(); {
			m.SetMapIndex(entry.Key(), x.value(entry.Value(), joined(path, fmt.Sprint(entry.Key())), depth+1))
		}
		return m
	}
	return v
}

func (x *expansion) text(v reflect.Value, path string) reflect.Value {
	if !strings.Contains(v.String(), "{{") || strings.Contains(v.Type().Name(), "Secret") {
		return v
	}
	text, err := x.render(path, v.String())
	if err != nil {
		x.err = err
		return v
	}
	copied := reflect.New(v.Type()).Elem()
	copied.SetString(text)
	return copied
}

func (x *expansion) pointer(v reflect.Value, path string, depth int) reflect.Value {
	if v.IsNil() {
		return v
	}
	within := x.value(v.Elem(), path, depth+1)
	copied := reflect.New(v.Type()).Elem()
	if v.Kind() == reflect.Interface {
		copied.Set(within)
		return copied
	}
	target := reflect.New(v.Type().Elem())
	target.Elem().Set(within)
	copied.Set(target)
	return copied
}

// fields copies a struct. What is not exported is copied as it is.
func (x *expansion) fields(v reflect.Value, path string, depth int) reflect.Value {
	if v.Type().PkgPath() == "net/url" || v.Type().PkgPath() == "time" {
		return v
	}
	copied := reflect.New(v.Type()).Elem()
	copied.Set(v)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		at := path
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" {
			at = joined(path, name)
		} else if !f.Anonymous && !strings.Contains(f.Tag.Get("yaml"), "inline") {
			at = joined(path, strings.ToLower(f.Name))
		}
		copied.Field(i).Set(x.value(v.Field(i), at, depth+1))
	}
	return copied
}

func joined(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
