package commands

import (
	"strings"

	"github.com/docker/cli/cli/command"
	"github.com/docker/docker/api/types/image"
	"github.com/spf13/cobra"
)

// completeImages offers what IMAGE can be: names of the engine's images, the
// prefixes of other places, and the shell's own file names behind a prefix that
// wants a file.
func completeImages(dockerCLI command.Cli) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		if place, _, ok := cutPlace(typed); ok && place != inDaemon {
			return completeFiles(place, typed)
		}
		names := imageNames(cmd, dockerCLI)
		if strings.HasPrefix(typed, inDaemon) {
			for i := range names {
				names[i] = inDaemon + names[i]
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		}
		names = append(names, inDockerArchive, inOCIArchive, inOCIFolder, inRegistry)
		return names, cobra.ShellCompDirectiveNoSpace
	}
}

// cutPlace takes the prefix off what names a file or a registry.
func cutPlace(arg string) (place, rest string, ok bool) {
	for _, place := range []string{inDaemon, inDockerArchive, inOCIArchive, inOCIFolder, inRegistry} {
		if rest, ok := strings.CutPrefix(arg, place); ok {
			return place, rest, true
		}
	}
	return "", arg, false
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
