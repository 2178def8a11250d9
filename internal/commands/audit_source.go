package commands

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker/cli/cli/command"
)

// namedSource is a source, and what the user called it.
type namedSource struct {
	name string
	image.Source
}

// prefixes say where an image is, as skopeo and others write it.
const (
	inDaemon        = "docker-daemon:"
	inDockerArchive = "docker-archive:"
	inOCIArchive    = "oci-archive:"
	inOCIFolder     = "oci:"
	inRegistry      = "docker://"
	onStdin         = "-"
)

const stdinName = "standard input"

// sourcesOf gives the sources of what the user named. Images of the engine are
// one source: they share layers, and are streamed together where they have to be.
func sourcesOf(opts auditOptions, engine *lazyEngine) (sources []namedSource) {
	o := image.Options{Platform: opts.platform}
	var ofEngine []string
	for _, arg := range opts.images {
		if s, ok := sourceOf(arg, o, engine.dockerCLI); ok {
			if arg == onStdin {
				arg = stdinName
			}
			sources = append(sources, namedSource{arg, s})
			continue
		}
		ofEngine = append(ofEngine, strings.TrimPrefix(arg, inDaemon))
	}
	if len(ofEngine) == 0 && !opts.all {
		return sources
	}
	engine.needed = true
	name := strings.Join(ofEngine, ", ")
	if opts.all {
		name = "all images"
	}
	return append([]namedSource{{name, engineSource{engine, ofEngine, opts.all, opts.platform}}}, sources...)
}

// sourceOf gives the source of what is not in the engine.
func sourceOf(arg string, o image.Options, dockerCLI command.Cli) (image.Source, bool) {
	switch {
	case arg == onStdin:
		return image.Stream(stdinName, dockerCLI.In(), o), true
	case strings.HasPrefix(arg, inDaemon):
		return nil, false
	case strings.HasPrefix(arg, inDockerArchive):
		return image.DockerArchive(strings.TrimPrefix(arg, inDockerArchive), o), true
	case strings.HasPrefix(arg, inOCIArchive):
		return image.OCIArchive(strings.TrimPrefix(arg, inOCIArchive), o), true
	case strings.HasPrefix(arg, inOCIFolder):
		return image.OCIDir(strings.TrimPrefix(arg, inOCIFolder), o), true
	case strings.HasPrefix(arg, inRegistry):
		names := []string{strings.TrimPrefix(arg, inRegistry)}
		return image.Registry{Names: names, Platform: o.Platform, Credentials: dockerCLI.ConfigFile()}, true
	case isPath(arg):
		return fileSource{arg, o}, true
	}
	return nil, false
}

// isPath says that arg is a file or folder and not the name of an image: it is
// written as a path, or there is such a file, or such a folder with an OCI
// layout in it.
func isPath(arg string) bool {
	if filepath.IsAbs(arg) || strings.HasPrefix(arg, "./") || strings.HasPrefix(arg, "../") || strings.HasPrefix(arg, `.\`) || strings.HasPrefix(arg, `..\`) || arg == "." || arg == ".." {
		return true
	}
	info, err := os.Stat(arg)
	if err != nil {
		return false
	}
	if info.IsDir() {
		_, err = fs.Stat(os.DirFS(arg), "index.json")
	}
	return err == nil
}
