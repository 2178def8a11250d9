package commands

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/cli/cli/command"
)

// confirm asks the questions that come before a change, each of which has to be
// answered with y. yes answers all.
func confirm(ctx context.Context, dockerCLI command.Cli, yes bool, questions ...string) error {
	if yes {
		return nil
	}
	if !dockerCLI.In().IsTerminal() {
		return errors.New("asking for confirmation needs a terminal: add --yes to continue without questions, or --dry-run to see the plan")
	}
	in := bufio.NewReader(dockerCLI.In())
	for _, q := range questions {
		fmt.Fprintf(dockerCLI.Err(), "%s [y/N] ", q)
		answered := make(chan string, 1)
		go func() {
			line, _ := in.ReadString('\n') // of an input that ends, the answer is no
			answered <- strings.ToLower(strings.TrimSpace(line))
		}()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case answer := <-answered:
			if answer != "y" && answer != "yes" {
				return errors.New("nothing was changed")
			}
		}
	}
	return nil
}
