package commands

import (
	"cmp"
	"context"
	"io"
	"os"
	"runtime"

	"github.com/docker/docker/api/types/system"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// An auditTarget is the engine that images are audited for: its map, and its version, ""
// if that is not known.
type auditTarget struct {
	auditedMap
	version string
}

// chooseTarget gives what to audit for: the map and the version of the flags, and
// otherwise those of the engine. A map of the flags is of some other engine, unless
// images of this one are audited.
func chooseTarget(ctx context.Context, opts auditOptions, engine *lazyEngine) (auditTarget, error) {
	m, given, err := mapFromFlags(opts.idMap, opts.size)
	if err != nil {
		return auditTarget{}, err
	}
	var info system.Info
	answered := false
	if !given || opts.needsEngine() {
		info, answered = engine.info(ctx, opts.needsEngine())
	}
	if !given {
		m = chooseMap(ctx, info, answered, engine)
	}
	return auditTarget{m, cmp.Or(opts.engineVersion, info.ServerVersion)}, nil
}

// chooseMap gives the ID map of the engine if it is remapped, else what this machine would
// give its engine, else docker's default.
func chooseMap(ctx context.Context, info system.Info, answered bool, engine *lazyEngine) auditedMap {
	if answered {
		if m, ok := mapOfEngine(info, tablesOfEngine(ctx, engine.engine)); ok {
			return m
		}
	}
	if m, ok := mapOfThisMachine(tablesOfThisMachine); ok {
		return m
	}
	return auditedMap{idmap.Single(defaultRoot, idmap.Default), fromDefault}
}

// tables are the files that say which ranges which accounts have.
var tables = []string{"/etc/subuid", "/etc/subgid", "/etc/passwd"}

// tablesOfEngine reads the tables of the machine that an engine runs on, if this process
// can look there, and can tell which of several machines it is.
func tablesOfEngine(ctx context.Context, e *engine) func(*survey.Facts) {
	return func(f *survey.Facts) {
		files, done := e.files(ctx)
		defer done()
		if len(files) != 1 {
			return
		}
		var paths []host.Path
		for _, name := range tables {
			paths = append(paths, host.Path{Name: name})
		}
		_ = files[0].ReadFiles(ctx, paths, func(p host.Path, body io.Reader, err error) error { // what it could not read is not known
			addTable(f, p.Name, body, err)
			return nil
		})
	}
}

// tablesOfThisMachine reads the tables of the machine that this process runs on.
func tablesOfThisMachine(f *survey.Facts) {
	if runtime.GOOS != "linux" {
		return
	}
	for _, name := range tables {
		file, err := os.Open(name)
		addTable(f, name, file, err)
		if err == nil {
			file.Close()
		}
	}
}

// addTable reads one byte more than a table may have, so that one that is too
// large is not taken for one that is not.
func addTable(f *survey.Facts, name string, body io.Reader, err error) {
	table := survey.Read[survey.TextFile]{Value: survey.TextFile{Path: name}, Err: err}
	if err == nil {
		table.Value.Data, table.Err = io.ReadAll(io.LimitReader(body, idmap.MaxFile+1))
	}
	switch name {
	case "/etc/subuid":
		f.SubUID = table
	case "/etc/subgid":
		f.SubGID = table
	case "/etc/passwd":
		f.Accounts.Value.Users, f.Accounts.Err = survey.ParsePasswd(string(table.Value.Data)), table.Err
	}
}
