package commands

import (
	places "github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker/cli/cli/command"
	"github.com/docker/docker/api/types/image"
	"github.com/spf13/cobra"
)

// completeImages offers what IMAGE can be: names of the engine's images, the
// prefixes of other places, and the shell's own file names behind a prefix that
// wants a file.
func completeImages(dockerCLI command.Cli) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		place, _, ok := places.CutPlace(typed)
		if ok && place != places.InDaemon {
			return completeFiles(place, typed)
		}
		names := imageNames(cmd, dockerCLI)
		if ok {
			for i := range names {
				names[i] = string(place) + names[i]
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		}
		for _, p := range places.Places {
			if p.Place != places.InDaemon {
				names = append(names, string(p.Place))
			}
		}
		return names, cobra.ShellCompDirectiveNoSpace
	}
}

func imageNames(cmd *cobra.Command, dockerCLI command.Cli) (names []string) {
	if _, err := endpoint(dockerCLI); err != nil {
		return nil
	}
	list, err := dockerCLI.Client().ImageList(cmd.Context(), image.ListOptions{})
	if err != nil {
		return nil
	}
	for _, img := range list {
		for _, tag := range img.RepoTags {
			if tag != "<none>:<none>" {
				names = append(names, tag)
			}
		}
	}
	return names
}
