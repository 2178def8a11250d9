// demo-image writes a docker-archive to standard output: a small application
// whose npm left the owners of other people's machines in a layer, and whose
// Dockerfile gives the files to root a layer too late.
package main

import (
	"log"
	"os"

	"github.com/docker-userns/docker-userns/internal/imagetest"
)

// npmOwner is the UID that content-type 1.0.4 has in the npm registry.
const npmOwner = 1516583083

func main() {
	passwd := "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n"
	base := imagetest.Layer(
		imagetest.File{Name: "bin/sh", Body: "#!"},
		imagetest.File{Name: "etc/passwd", Body: passwd},
		imagetest.File{Name: "etc/group", Body: "root:x:0:\nnode:x:1000:\n"},
	)
	archive := imagetest.Archive("shop:1", "node",
		imagetest.Step{By: "/bin/sh -c #(nop) ADD file:2f7a in / ", Layer: base},
		imagetest.Step{By: `/bin/sh -c #(nop)  CMD ["node"]`},
		imagetest.Step{By: "WORKDIR /app", Layer: imagetest.Layer(imagetest.File{Name: "app/"})},
		imagetest.Step{By: "COPY package.json . # buildkit", Layer: imagetest.Layer(imagetest.File{Name: "app/package.json", Body: "{}"})},
		imagetest.Step{By: "RUN /bin/sh -c npm i -g npm@9.1.1 && npm i # buildkit", Layer: modules(npmOwner, 501, 20)},
		imagetest.Step{By: "RUN /bin/sh -c chown -R root:root node_modules # buildkit", Layer: modules(0, 0, 0)},
		imagetest.Step{By: "USER node"},
	)
	if _, err := os.Stdout.Write(archive); err != nil {
		log.Fatal(err)
	}
}

func modules(uid, otherUID, otherGID int) []byte {
	var files []imagetest.File
	for _, name := range []string{"HISTORY.md", "LICENSE", "README.md", "index.js", "package.json"} {
		files = append(files, imagetest.File{Name: "app/node_modules/content-type/" + name, UID: uid, Body: name})
	}
	return imagetest.Layer(append(files, imagetest.File{Name: "app/node_modules/asynckit/index.js", UID: otherUID, GID: otherGID})...)
}
