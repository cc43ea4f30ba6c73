#!/usr/bin/env bash
# same-plan.sh <environment> <reviewed plan> <plan of the merged code>
#
# Succeeds if both plans have the same text and were made from the same Terraform code and providers. A plan file contains a
# copy of the code, which Terraform applies, so equal text proves nothing: it does not show provisioners, for example.
# Requires `make plan ENV=<environment>` before, which initialises the root.
set -euo pipefail

environment="$1" reviewed="$(realpath "$2")" merged="$(realpath "$3")"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

for side in reviewed merged; do
  python3 -m zipfile -e "${!side}" "$work/$side/"
  # The prior state is not compared: Terraform itself refuses a plan that was made from another state.
  rm -rf "$work/$side"/{tfplan,tfstate,tfstate-prev}
  terraform -chdir="terraform/environments/$environment" show -no-color "${!side}" > "$work/$side/plan.txt"
done

if ! diff --recursive --unified "$work/reviewed" "$work/merged"; then
  echo "error: the reviewed plan of $environment (-) is not what the merged code plans now (+): the account or the branch has changed since, or the plan was not made from this code. Nothing was changed. Run the workflow Plan on this branch, read its summary, and re-run this job." >&2
  exit 1
fi
echo "The reviewed plan of $environment is what the merged code plans."
