package scenarios

import (
	"flag"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// TestDoctorLockdown locks the kernel of a VM down, which cannot be taken back: it runs
// only where it is asked for by its whole name, and after all others, of which none runs
// beside another there: none could load programs after it.
func TestDoctorLockdown(t *testing.T) {
	t.Parallel()
	const on, path = "/sys/kernel/security", "/sys/kernel/security/lockdown"
	if !livetest.InVM() || !strings.Contains(flag.Lookup("test.run").Value.String(), t.Name()) {
		t.Skip("only in a VM, and asked for by its name")
	}
	here := tierHere(t)
	const unknown = "lockdown unknown, securityfs is not mounted: the tier below shows whether programs load"
	diagnose(t, surroundings{}).says(t, here, unknown)
	if err := unix.Mount("securityfs", on, "securityfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(on, 0); err != nil {
			t.Error(err)
		}
	})
	diagnose(t, surroundings{}).says(t, here, "lockdown none")
	for _, level := range []string{"integrity", "confidentiality"} {
		if err := os.WriteFile(path, []byte(level), 0); err != nil {
			t.Fatal(err)
		}
		if level == "integrity" {
			diagnose(t, surroundings{}).says(t, here, "lockdown integrity: costs nothing, kernel memory may be read")
			continue
		}
		diagnose(t, surroundings{}).
			refuses(t,
				"kernel lockdown is in confidentiality mode, which forbids reading kernel memory",
				"boot with lockdown=integrity or none",
				"lockdown confidentiality: kernel memory may not be read")
		diagnose(t, hidden(on)).
			refuses(t,
				"the kernel refused the programs",
				"mount securityfs on /sys/kernel/security, "+
					"and `reusewatch doctor` tells whether lockdown in confidentiality mode forbids them",
				unknown)
	}
}
