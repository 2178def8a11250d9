package commands

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/spf13/cobra"
)

// completeFiles offers the files and folders behind a prefix such as
// docker-archive:, which the shell itself would take for part of the name.
func completeFiles(place image.Place, typed string) ([]string, cobra.ShellCompDirective) {
	holds := image.HoldsNames
	for _, p := range image.Places {
		if p.Place == place {
			holds = p.Holds
		}
	}
	if holds == image.HoldsNames {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	dir, begin := filepath.Split(strings.TrimPrefix(typed, string(place)))
	folder := dir
	if folder == "" {
		folder = "."
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, begin) || holds == image.HoldsFolders && !e.IsDir() {
			continue
		}
		if e.IsDir() {
			name += string(filepath.Separator)
		}
		names = append(names, string(place)+dir+name)
	}
	return names, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}
