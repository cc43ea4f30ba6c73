#!/usr/bin/env bash
# same-plan.sh <environment> <reviewed plan> <plan of the merged code>
#
# Succeeds when both plans say the same and were made from the same Terraform code and providers. A plan file carries its
# own copy of the code and Terraform applies that copy, so the text alone proves nothing: a provisioner is not in it.
# Works after `make plan ENV=<environment>`, which initialises the root.
set -euo pipefail

environment="$1" reviewed="$(realpath "$2")" merged="$(realpath "$3")"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

for side in reviewed merged; do
  python3 -m zipfile -e "${!side}" "$work/$side/"
  # The state that it starts from is left to Terraform, which refuses a plan made from any but the present one.
  rm -rf "$work/$side"/{tfplan,tfstate,tfstate-prev}
  terraform -chdir="terraform/environments/$environment" show -no-color "${!side}" > "$work/$side/plan.txt"
done

if ! diff --recursive --unified "$work/reviewed" "$work/merged"; then
  echo "error: the reviewed plan of $environment (-) is not what the merged code plans now (+): the account or the branch has changed since, or the plan was not made from this code. Run the workflow Plan on this branch, read its summary, and re-run this job." >&2
  exit 1
fi
echo "The reviewed plan of $environment is what the merged code plans."
