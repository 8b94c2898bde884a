// The parts of Argo CD that keep a cluster in step with a repository, in one program: the first argument chooses.
package main

import (
	"os"

	"github.com/spf13/cobra"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	applicationset "github.com/argoproj/argo-cd/v3/cmd/argocd-applicationset-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
)

func main() {
	parts := map[string]func() *cobra.Command{
		"applicationset": applicationset.NewCommand,
		"controller":     controller.NewCommand,
		"reposerver":     reposerver.NewCommand,
	}
	part := os.Args[1]
	os.Args = append(os.Args[:1], os.Args[2:]...)
	if parts[part]().Execute() != nil {
		os.Exit(1)
	}
}
