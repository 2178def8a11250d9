package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"
)

// A Place is where an image is, as it is written before its name: skopeo and others
// write it in the same way (containers-transports(5)).
type Place string

// The places.
const (
	InDaemon        Place = "docker-daemon:"
	InRegistry      Place = "docker://"
	InDockerArchive Place = "docker-archive:"
	InOCIArchive    Place = "oci-archive:"
	InOCIFolder     Place = "oci:"
	InFolder        Place = "dir:"
	AtPath          Place = "" // a file or folder, recognised by its contents
	OnStdin         Place = "-"
)

// Holds is what follows a prefix.
type Holds int

// What follows.
const (
	HoldsNames Holds = iota // of images
	HoldsFiles              // and the folders that lead to them
	HoldsFolders
)

// Places lists the prefixes, with what is written after them and what that is.
var Places = []struct {
	Place
	Rest, What string
	Holds      Holds
}{
	{InDaemon, "NAME", "an image of the engine", HoldsNames},
	{InRegistry, "REF", "an image in a registry; nothing is pulled", HoldsNames},
	{InDockerArchive, "FILE[:REF]", "what 'docker save' writes", HoldsFiles},
	{InOCIArchive, "FILE[:REF]", "an OCI layout packed with tar", HoldsFiles},
	{InOCIFolder, "FOLDER[:REF]", "an OCI layout", HoldsFolders},
	{InFolder, "FOLDER", "what 'skopeo copy' writes to dir:", HoldsFolders},
}

// CutPlace takes the prefix off what an image is called.
func CutPlace(arg string) (place Place, rest string, ok bool) {
	for _, p := range Places {
		if rest, ok := strings.CutPrefix(arg, string(p.Place)); ok {
			return p.Place, rest, true
		}
	}
	return "", arg, false
}

// A Ref is an image, or several, as a user names them.
type Ref struct {
	Given string // as it was typed
	Place Place
	At    string // the name in an engine or a registry, or the path
	Name  string // of several images at a path, the wanted one; "" for all
	Wrong error  // why it can be neither a path nor an image of the engine; nil if it can
}

// Parse reads what a user typed. Without a prefix it is a path if it is written as one
// or exists as one, and otherwise an image of the engine. An empty name is an error.
// What cannot be found under any is left for Source to say, so that the images next to
// it are read all the same.
func Parse(arg string) (Ref, error) {
	r := Ref{Given: arg, At: arg}
	if Place(arg) == OnStdin {
		r.Place = OnStdin
		return r, nil
	}
	place, rest, ok := CutPlace(arg)
	if strings.TrimSpace(rest) == "" {
		return r, fmt.Errorf("IMAGE %q: a name is missing", arg)
	}
	switch {
	case !ok && isPath(arg):
		return r, nil
	case !ok:
		if r.Wrong = plausible(arg); r.Wrong == nil {
			r.Place = InDaemon
		}
		return r, nil
	}
	r.Place, r.At = place, rest
	if place == InDockerArchive || place == InOCIArchive || place == InOCIFolder {
		r.At, r.Name = cutName(rest)
	}
	return r, nil
}

// cutName splits a path from the name behind it, at the first colon as skopeo does,
// unless there is such a file as a whole.
func cutName(rest string) (path, name string) {
	volume := len(filepath.VolumeName(rest))
	path, name, ok := strings.Cut(rest[volume:], ":")
	if _, err := os.Lstat(rest); err == nil || !ok {
		return rest, ""
	}
	return rest[:volume] + path, name
}

// isPath says that arg is a file or folder and not the name of an image: it is
// written as a path, or there is such a file, or such a folder with images in it.
func isPath(arg string) bool {
	for _, begin := range []string{"./", "../", `.\`, `..\`} {
		if strings.HasPrefix(arg, begin) {
			return true
		}
	}
	if filepath.IsAbs(arg) || arg == "." || arg == ".." {
		return true
	}
	info, err := os.Stat(arg)
	return err == nil && (!info.IsDir() || has(arg, indexName) || has(arg, dockerManifestName))
}

// has says that there is a file in a folder.
func has(folder, name string) bool {
	_, err := fs.Stat(os.DirFS(folder), name)
	return err == nil
}

// elsewhere are prefixes of places that other programs know, with what to do.
var elsewhere = []struct{ prefix, instead string }{
	{"containers-storage:", "podman's storage is not read; save the image with 'podman save -o FILE NAME' and give FILE"},
	{"podman:", "podman's storage is not read; save the image with 'podman save -o FILE NAME' and give FILE"},
	{"containerd:", "save the image with 'ctr images export FILE NAME' and give FILE"},
	{"ostree:", "copy the image with 'skopeo copy' to oci:FOLDER, and give that"},
	{"sif:", "copy the image with 'skopeo copy' to oci:FOLDER, and give that"},
	{"tarball:", "copy the image with 'skopeo copy' to oci:FOLDER, and give that"},
	{"http://", "an image in a registry is written docker://HOST/NAME"},
	{"https://", "an image in a registry is written docker://HOST/NAME"},
	{"file:", "give the path by itself"},
}

// archives are what the names of archives end in.
var archives = []string{".tar", ".tgz", ".tar.gz", ".tar.zst", ".tar.xz", ".tar.bz2", ".oci"}

// plausible refuses what can be no name of an image, and what is more probably a
// mistake than one.
func plausible(arg string) error {
	for _, f := range elsewhere {
		if strings.HasPrefix(arg, f.prefix) {
			return errors.New(f.instead)
		}
	}
	for _, end := range archives {
		if strings.HasSuffix(arg, end) {
			return fmt.Errorf("there is no such file. If it is the name of an image of the engine, write %s%s", InDaemon, arg)
		}
	}
	_, err := reference.ParseAnyReference(arg)
	if info, _ := os.Stat(arg); err != nil && info != nil {
		return errors.New("the folder has neither an index.json nor a manifest.json")
	}
	if err != nil {
		return fmt.Errorf("there is no such file, and it cannot be the name of an image: %w", err)
	}
	return nil
}

// Source gives the source of what is not in an engine, and nil for what is. How registries
// are asked is taken from a Registry without names.
func (r Ref) Source(o Options, stdin io.Reader, from Registry) Source {
	if r.Name != "" {
		o.Names = []string{r.Name}
	}
	if r.Wrong != nil {
		return wrongSource{r.Wrong}
	}
	switch r.Place {
	case InDaemon:
		return nil
	case InRegistry:
		from.Names, from.Platform = []string{r.At}, o.Platform
		return from
	case InDockerArchive:
		return DockerArchive(r.At, o)
	case InOCIArchive:
		return OCIArchive(r.At, o)
	case InOCIFolder:
		return OCIDir(r.At, o)
	case InFolder:
		return Dir(r.At, o)
	case OnStdin:
		return Stream(r.String(), stdin, o)
	}
	return pathSource{r.At, o}
}

// wrongSource is what cannot be found.
type wrongSource struct{ err error }

func (s wrongSource) Images(context.Context, Visitor) ([]Image, error) { return nil, s.err }

// String is how an image is called in messages.
func (r Ref) String() string {
	if r.Place == OnStdin {
		return "standard input"
	}
	return r.Given
}
