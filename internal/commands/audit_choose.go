package commands

import (
	"context"
	"io"
	"os"
	"runtime"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
)

// chooseMap gives the ID map to audit against: the one of the flags, else that
// of the engine where it is remapped, else what this machine would give its
// engine, else docker's default.
func chooseMap(ctx context.Context, opts auditOptions, engine *lazyEngine) (auditedMap, error) {
	m, given, err := mapFromFlags(opts.idMap, opts.size)
	if given || err != nil {
		return m, err
	}
	if info, ok := engine.info(ctx); ok {
		if _, _, remapped := remappedRoot(info); remapped {
			return mapOfEngine(info, filesOfEngine(ctx, engine.engine)), nil
		}
	}
	if m, ok := mapOfFiles(filesOfThisMachine()); ok {
		return m, nil
	}
	return auditedMap{idmap.Single(defaultRoot, idmap.Default), fromDefault}, nil
}

// filesOfEngine reads the tables of subordinate IDs of the machine that an
// engine runs on, nil where this process cannot look there, or cannot tell
// which of several machines it is.
func filesOfEngine(ctx context.Context, e *engine) *subIDFiles {
	hosts := e.readers()
	defer hosts.Close()
	if len(hosts) != 1 {
		return nil
	}
	return readSubIDs(ctx, hosts[0])
}

func filesOfThisMachine() *subIDFiles {
	if runtime.GOOS != "linux" {
		return nil
	}
	return &subIDFiles{readFile("/etc/subuid"), readFile("/etc/subgid")}
}

func readFile(path string) idmap.File {
	f, err := os.Open(path)
	if err != nil {
		return idmap.File{Path: path, Missing: true}
	}
	defer f.Close()
	return fileOf(path, f, nil)
}

// fileOf reads one byte more than a table may have, so that one that is too
// large is told from one that is not.
func fileOf(path string, body io.Reader, err error) idmap.File {
	if err == nil {
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(body, idmap.MaxFile+1)); err == nil {
			return idmap.File{Path: path, Data: data}
		}
	}
	return idmap.File{Path: path, Missing: true}
}

func readSubIDs(ctx context.Context, r image.Files) *subIDFiles {
	var all []idmap.File
	err := r.ReadFiles(ctx, []host.Path{{Name: "/etc/subuid"}, {Name: "/etc/subgid"}}, func(p host.Path, body io.Reader, err error) error {
		all = append(all, fileOf(p.Name, body, err))
		return nil
	})
	if err != nil || len(all) != 2 {
		return nil
	}
	return &subIDFiles{all[0], all[1]}
}
