//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// bench is what there is to measure with.
type bench struct {
	plugin, cache, dive string
	dir                 string // for what is gone afterwards
	rounds, slow        int
}

// facts are those that bench-image wrote.
type facts struct {
	Bytes                    int64
	Layers, Entries, Foreign int
	Files                    map[string][]string
}

const tag = "docker-userns-bench:"

// contests gives those whose work matches; stop ends the engine that they need.
func (b *bench) contests(ctx context.Context, only *regexp.Regexp) (all []contest, stop func(), err error) {
	big, many, offenders := facts{}, facts{}, facts{}
	for name, f := range map[string]*facts{"big": &big, "many": &many, "offenders": &offenders} {
		raw, err := os.ReadFile(b.file(name, "facts.json"))
		if err != nil {
			return nil, nil, err
		}
		if err := json.Unmarshal(raw, f); err != nil {
			return nil, nil, err
		}
	}
	again, closed, err := b.againInFiles(big)
	if err != nil {
		return nil, nil, err
	}
	all, stop = slices.Concat(b.inFiles(big, many, offenders), again), closed
	if startable() {
		all = slices.Concat(all, b.inEngine(big, many), b.againInEngine(big, many))
	}
	all = slices.DeleteFunc(all, func(c contest) bool { return !only.MatchString(c.work) })
	if slices.ContainsFunc(all, func(c contest) bool { return c.engine }) {
		ended, err := b.prepare(ctx)
		return all, func() { closed(); ended() }, err
	}
	return all, stop, nil
}

// prepare starts the engine, and gives it the images. It lends the program to a
// user who may talk to the engine and may not read its files.
func (b *bench) prepare(ctx context.Context) (stop func(), err error) {
	e, err := start(ctx, b.dir, b.file("engine"))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"big", "many"} {
		if err == nil {
			err = e.load(ctx, tag+name, b.file(name, "image.tar"))
		}
	}
	if err == nil {
		err = e.lend(b.plugin)
	}
	if err == nil {
		err = os.Mkdir(e.path("nobody"), 0o700)
	}
	if err == nil {
		err = os.Chown(e.path("nobody"), int(nobody.Uid), int(nobody.Gid))
	}
	if err != nil {
		e.stop()
	}
	return e.stop, err
}

func (b *bench) file(elem ...string) string {
	return filepath.Join(append([]string{b.cache}, elem...)...)
}

// inFiles is what needs no engine.
func (b *bench) inFiles(big, many, offenders facts) []contest {
	bigTar, manyTar, offendersTar := b.file("big", "image.tar"), b.file("many", "image.tar"), b.file("offenders", "image.tar")
	gzip, zstd := b.file("big", "gzip"), b.file("big", "zstd")
	piped := b.audit("stream of 1,000,000 offenders", "-", looked(offenders, "docker-archive"))
	piped.stdin = offendersTar
	return slices.Concat(b.withDive(contest{work: "3 GB, archive", rounds: b.rounds, commands: []command{
		b.audit("archive", "docker-archive:"+bigTar, looked(big, "docker-archive")),
		{name: "cat FILE", args: []string{"cat", bigTar}},
	}, rows: []row{{0, 1, 0.6, 0}}}, bigTar), b.withDive(contest{work: "1,000,000 entries, archive", rounds: b.rounds, commands: []command{
		b.audit("archive", "docker-archive:"+manyTar, looked(many, "docker-archive")),
		{
			name: "tar -tvf LAYER >LISTING", out: filepath.Join(b.dir, "listing"), // ours writes its answer to a file too
			args: shell(`for l; do tar -tvf "$l" || exit; done`, b.blobs("many", many.Files["plain"])),
		},
	}, rows: []row{{0, 1, 1.0 / 20, 0}}}, manyTar), []contest{
		{work: "3 GB, gzip layers", rounds: b.rounds, commands: []command{
			b.audit("gzip", "oci:"+gzip, looked(big, "oci")),
			{name: "pigz -dc LAYERS", args: append([]string{"pigz", "-dc"}, b.blobs("big", big.Files["gzip"])...)},
		}, rows: []row{{0, 1, 0.75, 0}}},
		{work: "3 GB, zstd layers", rounds: b.rounds, commands: []command{
			b.audit("zstd", "oci:"+zstd, looked(big, "oci")),
			{name: "zstd -dc LAYERS", args: append([]string{"zstd", "-qdc"}, b.blobs("big", big.Files["zstd"])...)},
		}, rows: []row{{0, 1, 0.7, 0}}},
		{work: "1,000,000 offenders, archive", rounds: b.rounds, commands: []command{
			b.audit("1,000,000 offenders", "docker-archive:"+offendersTar, looked(offenders, "docker-archive")),
		}, rows: []row{{}}},
		{work: "1,000,000 offenders, on standard input", rounds: b.rounds, commands: []command{piped}, rows: []row{{}}},
	})
}

// inEngine is what needs one. Streamed are images to a user who cannot read the
// records.
func (b *bench) inEngine(big, many facts) []contest {
	e := engine{dir: b.dir}
	of := func(name string, f facts) []command {
		records := b.audit("layer records", tag+name, looked(f, "layer-records"))
		records.env = e.env()
		return []command{records, {name: "docker save", args: []string{"docker", "save", tag + name}, env: e.env()}}
	}
	streamed := b.audit("streamed", tag+"big", looked(big, "daemon"))
	streamed.args[0], streamed.env, streamed.as = e.plugin(), e.env(), nobody
	return []contest{
		{
			work: "3 GB, in a daemon", engine: true, rounds: b.slow, commands: append(of("big", big), streamed),
			rows: []row{{0, 1, 1.0 / 100, 0}, {2, 1, 1.05, 0}},
		},
		{work: "1,000,000 entries, in a daemon", engine: true, rounds: b.slow, commands: of("many", many), rows: []row{{0, 1, 1.0 / 100, 0}}},
	}
}

// audit is our command. It is given an ID map, to ask no engine for one.
func (b *bench) audit(name, image string, check func(string) error) command {
	return command{
		name: "audit-image, " + name, args: []string{b.plugin, "audit-image", "--no-cache", "--format", "json", "--id-map", "0:100000:65536", image},
		out: filepath.Join(b.dir, "audit.json"), codes: []int{1}, check: check,
	}
}

// withDive compares dive with the same work, in fewer rounds: it takes its time.
func (b *bench) withDive(c contest, archive string) []contest {
	if b.dive == "" {
		return []contest{c}
	}
	dive := command{name: "dive --ci", args: []string{b.dive, "--ci", "docker-archive://" + archive}, codes: []int{1}}
	return []contest{c, {work: c.work, rounds: b.slow, commands: []command{c.commands[0], dive}, rows: []row{{0, 1, 1, 0}}}}
}

func (b *bench) blobs(image string, names []string) []string {
	files := make([]string, len(names))
	for i, name := range names {
		files[i] = b.file(image, name)
	}
	return files
}

func shell(script string, args []string) []string {
	return append([]string{"sh", "-c", script, "sh"}, args...)
}

// missing says what was left out of the table.
func (b *bench) missing() string {
	var s strings.Builder
	if b.dive == "" {
		fmt.Fprintln(&s, "\nNot measured: `dive --ci`, which could not be installed.")
	}
	if !startable() {
		fmt.Fprintln(&s, "\nNot measured: images in a daemon. That needs root, to start a dockerd.")
	}
	return s.String()
}
