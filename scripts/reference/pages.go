package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/docker-userns/docker-userns/internal/commands"
	clidocstool "github.com/docker/cli-docs-tool"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// folder is where the pages are, one for each verb and one for all of them.
const folder = "cli-plugins/docker-userns/reference"

// pages returns the reference pages by their paths. What is between the marks of
// cli-docs-tool comes from the commands, and the rest is as it was.
func pages(root string) (map[string]string, error) {
	dir, err := os.MkdirTemp("", "reference")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	tree := commands.Tree()
	each(tree, func(cmd *cobra.Command) {
		cmd.Long = markdown(cmd.Long)
		cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = aligned.ReplaceAllString(f.Usage, " ") })
	})
	tool, err := clidocstool.New(clidocstool.Options{Root: tree, SourceDir: filepath.Join(root, folder), TargetDir: dir, Plugin: true})
	if err != nil {
		return nil, err
	}
	if err := quietly(func() error { return tool.GenMarkdownTree(tree) }); err != nil {
		return nil, err
	}
	written, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, file := range written {
		text, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			return nil, err
		}
		all[folder+"/"+file.Name()] = string(text)
	}
	return all, nil
}

// aligned is what puts words below each other in the help of a flag.
var aligned = regexp.MustCompile(` {2,}`)

// each calls a function with a command and all below it.
func each(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, below := range cmd.Commands() {
		each(below, f)
	}
}

// markdown makes the help text of a command a document: its indented lines become
// code.
func markdown(help string) string {
	var b strings.Builder
	code := false
	for line := range strings.Lines(help) {
		indented := strings.HasPrefix(line, "  ")
		if indented {
			if !code {
				b.WriteString("\n")
			}
			line = "  " + line
		}
		code = indented
		b.WriteString(line)
	}
	return b.String()
}
