package rewrite

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/imagetest"
)

var auditedMap = idmap.Single(100000, 65536)

// audited is an image, and what an audit says of it.
func audited(t *testing.T, place image.Source, given audit.Given) (image.Image, audit.Report, *audit.Renumbering) {
	t.Helper()
	a := audit.New(audit.Options{Map: auditedMap, Paths: 1})
	images, err := place.Images(t.Context(), a)
	if err != nil || len(images) != 1 || images[0].Err != nil {
		t.Fatalf("%v: %+v", err, images)
	}
	plan, err := a.Renumber(images[0], given)
	if err != nil {
		t.Fatal(err)
	}
	return images[0], a.Report(images[0]), plan
}

var named = func() reference.NamedTagged {
	ref, err := reference.ParseNormalizedNamed("new:1")
	if err != nil {
		panic(err)
	}
	return ref.(reference.NamedTagged)
}()

// rewritten is what becomes of the image of a place, and the path that it is at.
func rewritten(t *testing.T, place image.Source, given audit.Given) (Image, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new.tar")
	to, err := DockerArchive(path, named)
	if err != nil {
		t.Fatal(err)
	}
	return committed(t, place, to, given), path
}

func committed(t *testing.T, place image.Source, to Destination, given audit.Given) Image {
	t.Helper()
	img, _, plan := audited(t, place, given)
	made, err := Send(t.Context(), place, to, img, plan, func() {})
	if err == nil {
		err = to.Commit(t.Context(), []Image{made})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return made
}

func inFile(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// shop has an account beyond the map, files of nobody's, and a whiteout of the account's.
func shop(user string) []byte {
	return imagetest.Archive("shop:1", user,
		imagetest.Step{By: "base", Layer: imagetest.Layer(imagetest.File{Name: "etc/"}, imagetest.File{Name: "etc/passwd", Body: "root:x:0:0::/root:/bin/sh\n"}, imagetest.File{Name: "bin/sh", Body: "#!"})},
		imagetest.Step{By: "CMD sh"},
		imagetest.Step{By: "useradd", Layer: imagetest.Layer(
			imagetest.File{Name: "etc/passwd", Body: "root:x:0:0::/root:/bin/sh\napp:x:1000000:1000001::/:/bin/sh\n"},
			imagetest.File{Name: "etc/group", Body: "root:x:0:\napp:x:1000001:\n"},
			imagetest.File{Name: "home/app/", UID: 1000000, GID: 1000001}, imagetest.File{Name: "npm", UID: 1516583083, GID: 20, Body: "x"},
		)},
		imagetest.Step{By: "rm", Layer: imagetest.Layer(imagetest.File{Name: "home/.wh.app", UID: 1000000})},
	)
}

func TestAccountsGetFreeNumbers(t *testing.T) {
	place := image.DockerArchive(inFile(t, shop("1000000:1000001")), image.Options{})
	_, path := rewritten(t, place, audit.Given{})
	img, report, plan := audited(t, image.DockerArchive(path, image.Options{}), audit.Given{})
	if report.Verdict != audit.Mappable || !report.Startable || len(report.Findings) > 0 {
		t.Errorf("the new image is %+v", report)
	}
	if img.Config.User != "10000:10001" || img.Name != "new:1" || slices.Contains(plan.Layers, true) {
		t.Errorf("%s runs as %s; of its layers change %v", img.Name, img.Config.User, plan.Layers)
	}
	if last := img.Config.History[len(img.Config.History)-1]; !last.Empty || !strings.Contains(last.Comment, "UID 1000000 to 10000, UID 1516583083 to 0, GID 1000001 to 10001") {
		t.Errorf("its history ends with %+v", last)
	}
	all := blobsOf(t, path, img)
	if files := entries(t, all[1]); files[0].Body != "root:x:0:0::/root:/bin/sh\napp:x:10000:10001::/:/bin/sh\n" ||
		files[1].Body != "root:x:0:\napp:x:10001:\n" || files[2].Uid != 10000 || files[2].Gid != 10001 || files[3].Uid != 0 || files[3].Gid != 20 {
		t.Errorf("the layer of the account has %+v", files)
	}
	if whiteout := entries(t, all[2])[0]; whiteout.Uid != 10000 {
		t.Errorf("the whiteout is of %d", whiteout.Uid)
	}
}

// blobsOf are the layers of an image in an archive.
func blobsOf(t *testing.T, path string, img image.Image) (all [][]byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range img.Layers {
		for _, e := range entries(t, b) {
			if e.Name == l.Name {
				all = append(all, []byte(e.Body))
			}
		}
	}
	return all
}

func TestGivenNumbersCount(t *testing.T) {
	place := image.DockerArchive(inFile(t, shop("app")), image.Options{})
	_, path := rewritten(t, place, audit.Given{UID: map[int64]int64{1516583083: 33, 1000000: 10}})
	img, _, _ := audited(t, image.DockerArchive(path, image.Options{}), audit.Given{})
	files := entries(t, blobsOf(t, path, img)[1])
	if files[2].Uid != 10 || files[2].Gid != 10001 || files[3].Uid != 33 || !strings.Contains(files[0].Body, "app:x:10:10001:") {
		t.Errorf("the layer of the account has %+v", files)
	}
}

// TestTwiceChangesNothing is for generated images, and one with accounts.
func TestTwiceChangesNothing(t *testing.T) {
	archives := [][]byte{shop("app"), shop("1000000")}
	for n := range uint64(60) {
		archives = append(archives, imagetest.Generate(7, n).Archive)
	}
	changed := 0
	for i, archive := range archives {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			once, path := rewritten(t, image.DockerArchive(inFile(t, archive), image.Options{}), audit.Given{})
			twice, _ := rewritten(t, image.OCIArchive(path, image.Options{}), audit.Given{})
			if once.Changed {
				changed++
			}
			if twice.Changed || twice.Digest() != once.Digest() || twice.ID() != once.ID() {
				t.Errorf("%s became %s", once.Digest(), twice.Digest())
			}
			if _, report, _ := audited(t, image.DockerArchive(path, image.Options{}), audit.Given{}); report.Verdict != audit.Mappable {
				t.Errorf("the new image is %s", report.Verdict)
			}
		})
	}
	if changed < 20 {
		t.Errorf("%d images were changed: this compares nothing", changed)
	}
}

// TestBaseStaysShared is for two images on a base with an account beyond the map.
func TestBaseStaysShared(t *testing.T) {
	account := func(id int) imagetest.Step {
		name := fmt.Sprintf("u%d", id)
		return imagetest.Step{By: name, Layer: imagetest.Layer(imagetest.File{Name: "etc/passwd", Body: fmt.Sprintf("%s:x:%d:%d::/:\n", name, id, id)}, imagetest.File{Name: name, UID: id})}
	}
	base := account(1000000)
	one, _ := rewritten(t, image.DockerArchive(inFile(t, imagetest.Archive("a:1", "", base, account(2000000))), image.Options{}), audit.Given{})
	two, _ := rewritten(t, image.DockerArchive(inFile(t, imagetest.Archive("b:1", "", base, account(500000))), image.Options{}), audit.Given{})
	if one.Layers[0] != two.Layers[0] || one.Layers[1] == two.Layers[1] {
		t.Errorf("the layers are %v and %v", one.Layers, two.Layers)
	}
}

// TestDestinationsAgree holds what each one writes to what was said of it.
func TestDestinationsAgree(t *testing.T) {
	source := inFile(t, shop("app"))
	dir := t.TempDir()
	for name, open := range map[string]func(string, reference.NamedTagged) (Destination, error){"oci.tar": OCIArchive, "folder": OCIFolder, "docker.tar": DockerArchive} {
		path := filepath.Join(dir, name)
		to, err := open(path, named)
		if err != nil {
			t.Fatal(err)
		}
		made := committed(t, image.DockerArchive(source, image.Options{}), to, audit.Given{})
		place, err := image.Open(path, image.Options{})
		if err != nil {
			t.Fatal(err)
		}
		img, report, _ := audited(t, place, audit.Given{})
		if img.ID != made.ID().String() || report.Verdict != audit.Mappable || img.Platform != "linux/amd64" || img.Name != "new:1" {
			t.Errorf("%s holds %s %s for %s, %s", name, img.Name, img.ID, img.Platform, report.Verdict)
		}
		if _, err := open(path, named); err == nil || !strings.Contains(err.Error(), "exists already") {
			t.Errorf("%s was opened twice: %v", name, err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Errorf("the folder holds %v: %v", left, err)
	}
}

// TestNothingIsLeftOfAFailure breaks off while a layer is sent, and before the end.
func TestNothingIsLeftOfAFailure(t *testing.T) {
	archive := shop("app")
	place := image.DockerArchive(inFile(t, archive), image.Options{})
	img, _, plan := audited(t, place, audit.Given{})
	damaged := bytes.Replace(archive, []byte("home/app/"), []byte("home/bpp/"), 1) // its checksum is wrong now
	for name, open := range map[string]func(string, reference.NamedTagged) (Destination, error){"oci.tar": OCIArchive, "folder": OCIFolder} {
		dir := t.TempDir()
		to, err := open(filepath.Join(dir, name), named)
		if err != nil {
			t.Fatal(err)
		}
		broken := image.DockerArchive(inFile(t, damaged), image.Options{})
		if _, err := Send(t.Context(), broken, to, img, plan, func() {}); err == nil {
			t.Error("a damaged layer was sent")
		}
		if err := to.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%v is left: %v", left, err)
		}
	}
}

// TestOthersBecomeGzip is for compressions that can be read here and are not written.
func TestOthersBecomeGzip(t *testing.T) {
	for _, program := range []string{"bzip2", "xz"} {
		t.Run(program, func(t *testing.T) {
			layer := imagetest.Layer(imagetest.File{Name: "x", UID: 70000})
			cmd := exec.Command(program, "-c")
			cmd.Stdin = bytes.NewReader(layer)
			packed, err := cmd.Output()
			if err != nil {
				t.Skipf("needs %s: %v", program, err)
			}
			archive := imagetest.Archive("packed:1", "", imagetest.Step{By: "RUN x", Layer: layer, Packed: packed})
			made, path := rewritten(t, image.DockerArchive(inFile(t, archive), image.Options{}), audit.Given{})
			img, report, _ := audited(t, image.DockerArchive(path, image.Options{}), audit.Given{})
			if blob := blobsOf(t, path, img)[0]; report.Verdict != audit.Mappable || !bytes.HasPrefix(blob, []byte{0x1f, 0x8b}) || !strings.Contains(string(made.Manifest), "tar+gzip") {
				t.Errorf("%s: the layer begins with %.4q, and the manifest is %s", report.Verdict, blob, made.Manifest)
			}
		})
	}
}
