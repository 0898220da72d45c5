package config

import (
	"errors"
	"slices"

	"quell/internal/strictyaml"
	"quell/notify"
	"quell/notify/template"
)

// maxTemplateFiles bounds the files of templates.
const maxTemplateFiles = 1000

// templates reads the files of templates before anything else: receivers are checked with them.
func (l *loader) templates(n strictyaml.Node) {
	n.Pick(strictyaml.Fields{"templates": list(func(n strictyaml.Node) {
		for _, name := range l.matching(n) {
			if slices.ContainsFunc(l.templateFiles, func(f template.File) bool { return f.Name == l.path(name) }) {
				continue // two patterns that overlap
			}
			if len(l.templateFiles) == maxTemplateFiles {
				n.Problem("too many files of templates", "put more templates into one")
				return
			}
			data, err := l.read(name, template.MaxBytes)
			if err != nil {
				n.ProblemAs(kindUnreadable, "templates "+strictyaml.Quote(name)+" cannot be read: "+cause(err), "")
				continue
			}
			l.record(l.path(name), name, data)
			l.templateFiles = append(l.templateFiles, template.File{Name: l.path(name), Text: string(data)})
		}
	})})
	if len(l.templateFiles) == 0 {
		l.config.Templates = template.Default()
		return
	}
	set, err := template.New(l.templateFiles...)
	if problems, ok := errors.AsType[Problems](err); ok {
		for i := range problems {
			problems[i].Kind = kindTemplate
		}
		l.problems = append(l.problems, problems...)
	}
	l.config.Templates = set // nil if there are problems: then fields cannot be tried
}

// template stores a field that is a template and tries it on samples.
func (l *loader) template(to *string, f notify.Field) strictyaml.Setter {
	return func(n strictyaml.Node) {
		strictyaml.String(&f.Text)(n)
		*to = f.Text
		err := l.checkField(f)
		if e, ok := errors.AsType[*template.FieldError](err); !ok {
			return
		} else if e.Problem.File != "" {
			e.Problem.Kind = kindTemplate
			l.problems = append(l.problems, e.Problem)
		} else {
			n.ProblemAs(kindTemplate, "template: "+e.Problem.Text, e.Problem.Hint)
		}
	}
}

// checkField tries a template on samples, and remembers what it calls.
func (l *loader) checkField(f notify.Field) error {
	l.fields = append(l.fields, f.Text)
	if l.config.Templates == nil {
		return nil
	}
	return l.config.Templates.Check(f)
}

// details reads templates by names that users choose.
func (l *loader) details(to *map[string]string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		*to = make(map[string]string)
		n.Entries(func(key string, n strictyaml.Node) {
			var text string
			l.template(&text, notify.Field{Name: "details." + key})(n)
			(*to)[key] = text
		})
	}
}

// checkTemplates tries the templates in the files.
func (l *loader) checkTemplates() {
	if l.config.Templates != nil && len(l.templateFiles) > 0 {
		l.problems = append(l.problems, l.config.Templates.CheckFiles(l.fields...)...)
	}
}
