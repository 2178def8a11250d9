//go:build linux

// bench-run compares audit-image with the commands that a user would run
// instead, in turns, and prints a Markdown table.
//
// A machine is never quiet, so what is held to a target is the median of ratios,
// each of two runs that follow one another, and not a time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"syscall"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	// The engine is told to end when the thread does that started it.
	runtime.LockOSThread()
	if err := measure(); err != nil {
		log.Fatal(err)
	}
}

func measure() error {
	var b bench
	flag.StringVar(&b.plugin, "plugin", "bin/docker-userns", "the program to measure")
	flag.StringVar(&b.cache, "cache", "", "the folder with the images, and the engine's data")
	flag.StringVar(&b.dive, "dive", "", "dive, if there is one")
	flag.IntVar(&b.rounds, "rounds", 5, "how often each command runs, after a first time that is not counted")
	flag.IntVar(&b.slow, "slow-rounds", 3, "the same, of those that need an engine")
	only := flag.String("only", "", "measure but the work that this regular expression matches")
	file := flag.String("write", "", "write the table into this file too")
	flag.Parse()
	if *only != "" && *file != "" {
		return errors.New("-write needs the whole table: leave out -only or -write")
	}
	if b.rounds < 1 || b.slow < 1 {
		return errors.New("there is no median of no rounds")
	}
	works, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	table, err := run(ctx, b, works)
	if err == nil && *file != "" {
		err = replace(*file, table)
	}
	return err
}

// run measures, and gives the table as it was printed: of what was measured, where
// something went wrong.
func run(ctx context.Context, b bench, only *regexp.Regexp) (string, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	contests, stop, err := b.contests(ctx, only)
	if err != nil {
		return "", err
	}
	defer stop()
	before, done := load(), []contest{}
	for _, c := range contests {
		if err = c.run(ctx); err != nil {
			err = fmt.Errorf("measuring %s: %w", c.work, err)
			break
		}
		done = append(done, c)
	}
	if len(done) == 0 {
		return "", err
	}
	table := render(done) + b.missing() + machine(before)
	fmt.Print(table)
	return table, err
}
