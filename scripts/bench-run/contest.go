//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// contest is some work, and the commands that do it.
type contest struct {
	work     string
	engine   bool // needs one
	rounds   int
	commands []command
	rows     []row
	samples  [][]sample // by command, then by round
}

// row compares one command with another.
type row struct {
	ours, peer int           // of contest.commands; the same one if there is no peer
	limit      float64       // of the ratio of their times
	beyond     time.Duration // instead, how much longer ours may take
}

// run runs every command once, and then in turns, each round in the other
// order than the one before.
func (c *contest) run(ctx context.Context) error {
	c.samples = make([][]sample, len(c.commands))
	for round := -1; round < c.rounds; round++ {
		for n := range c.commands {
			i := n
			if round%2 != 0 {
				i = len(c.commands) - 1 - n
			}
			s, err := c.commands[i].run(ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "%s | %s | round %d: %.3f s, CPU %.3f s, RSS %d MiB, load %s\n",
				c.work, c.commands[i].name, round+1, s.wall.Seconds(), s.cpu.Seconds(), s.rss>>10, load())
			if round >= 0 {
				c.samples[i] = append(c.samples[i], s)
			}
		}
	}
	return nil
}

// ratios of the times of two commands, round by round, from the lowest on.
func (c *contest) ratios(r row) []float64 {
	var all []float64
	for i := range c.rounds {
		all = append(all, c.samples[r.ours][i].wall.Seconds()/c.samples[r.peer][i].wall.Seconds())
	}
	slices.Sort(all)
	return all
}

// beyond is how much longer a command took than another one, in the middle of the rounds.
func (c *contest) beyond(r row) time.Duration {
	var all []float64
	for i := range c.rounds {
		all = append(all, float64(c.samples[r.ours][i].wall-c.samples[r.peer][i].wall))
	}
	slices.Sort(all)
	return time.Duration(median(all))
}

// seconds are the times of a command, from the lowest on.
func (c *contest) seconds(command int) []float64 {
	var all []float64
	for _, s := range c.samples[command] {
		all = append(all, s.wall.Seconds())
	}
	slices.Sort(all)
	return all
}

// mebibytes is the highest peak of a command's memory.
func (c *contest) mebibytes(command int) float64 {
	var peak int64
	for _, s := range c.samples[command] {
		peak = max(peak, s.rss)
	}
	return float64(peak) / 1024
}

// median is that of sorted values.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// load is how many processes ran or waited to, in the last minute.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(b))[0]
}

// ratio writes what is less than a tenth as a fraction of one.
func ratio(x float64) string {
	if x < 0.1 {
		return "1/" + strconv.FormatFloat(1/x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}
