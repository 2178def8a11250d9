package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/docker-userns/docker-userns/internal/commands"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// writeManual writes a man page for each command. Their date is SOURCE_DATE_EPOCH if
// that is set, and today otherwise.
func writeManual(root, dir, version string) error {
	tree := commands.Tree()
	var failed error
	each(tree, func(cmd *cobra.Command) {
		cmd.DisableAutoGenTag = true
		cmd.DisableFlagsInUseLine = true
		cmd.Long = markdown(cmd.Long)
		cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = oneParagraph(f.Usage) })
		if cmd.HasParent() {
			codes, err := exitCodes(root, cmd)
			if err != nil {
				failed = err
			}
			cmd.Long += "\n\n# EXIT STATUS\n\n" + codes
		}
	})
	if failed != nil {
		return failed
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	userns := tree.Commands()[0]
	return doc.GenManTreeFromOpts(userns, doc.GenManTreeOptions{
		Path:             dir,
		CommandSeparator: "-",
		Header:           &doc.GenManHeader{Section: "1", Manual: "Docker User Manuals", Source: "docker-userns " + version},
	})
}

// oneParagraph is the help of a flag without lines.
func oneParagraph(help string) string {
	help = aligned.ReplaceAllString(help, " ")
	return strings.ReplaceAll(strings.ReplaceAll(help, ":\n", ": "), "\n", "; ")
}

// exitRow is a line of the table of exit codes.
var exitRow = regexp.MustCompile(`(?m)^\| (\d) \| (.*) \|$`)

// exitCodes is the table of exit codes in the page of a command, as a list of
// definitions: man's tables are as wide as their text.
func exitCodes(root string, cmd *cobra.Command) (string, error) {
	_, path, _ := strings.Cut(cmd.CommandPath(), " ")
	path = filepath.Join(root, folder, strings.ReplaceAll(path, " ", "_")+".md")
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	rows := exitRow.FindAllStringSubmatch(string(text), -1)
	if len(rows) == 0 {
		return "", fmt.Errorf("%s has no exit codes", path)
	}
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "**%s**\n: %s\n\n", row[1], row[2])
	}
	return b.String(), nil
}

// writeCompletion writes completion scripts for a docker-userns that is run without
// docker. The completion of docker itself asks its plugins.
func writeCompletion(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	program := &cobra.Command{Use: "docker-userns"}
	if err := program.GenBashCompletionFileV2(filepath.Join(dir, "docker-userns.bash"), true); err != nil {
		return err
	}
	if err := program.GenZshCompletionFile(filepath.Join(dir, "_docker-userns")); err != nil {
		return err
	}
	return program.GenFishCompletionFile(filepath.Join(dir, "docker-userns.fish"), true)
}
