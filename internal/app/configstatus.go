package app

import (
	"context"
	"errors"
	"slices"

	"quell/internal/config"
	"quell/web"
)

// configStatus tells which configuration is in force, and what is wrong with the files if that is another one.
func (a *App) configStatus(c *setup) web.ConfigStatus {
	st := web.ConfigStatus{Hash: c.config.Hash, Revision: c.config.Revision, Files: c.config.Files(), Loaded: plain(c.loaded), By: c.by}
	for _, s := range c.config.Sources {
		shown := web.SourceStatus{File: s.Path, Hash: s.Hash, Secret: s.Secret}
		if !s.Modified.IsZero() {
			shown.Modified = &s.Modified
		}
		if !slices.ContainsFunc(st.Sources, func(o web.SourceStatus) bool { return o.File == s.Path }) {
			st.Sources = append(st.Sources, shown)
		}
	}
	if r := a.refused.Load(); r != nil {
		since := plain(r.since)
		st.Error, st.RefusedSince = r.err.Error(), &since
		if problems, ok := errors.AsType[config.Problems](r.err); ok {
			for _, p := range problems {
				if !p.Warning {
					st.Problems = append(st.Problems, web.ConfigProblem{File: p.File, Line: p.Line, Col: p.Col, Text: p.Text, Hint: p.Hint})
				}
			}
		}
	}
	return st
}

// Config returns the texts of the configuration in force, without what may be secret in them.
func (x admin) Config(context.Context) (*web.Config, error) {
	c := x.a.current.Load()
	shown := &web.Config{Hash: c.config.Hash, Revision: c.config.Revision, Loaded: plain(c.loaded)}
	for _, f := range c.config.Shown() {
		shown.Files = append(shown.Files, web.ConfigFile{Name: f.Name, Hash: f.Hash, Text: f.Text})
	}
	return shown, nil
}
