"""The commands of az, azd, gh and curl that the documents use, with the options that each really has.

From their own help: `az … --help` of azure-cli 2.91.0, the usage texts of azd (Azure/azure-dev, cli/azd/cmd/testdata),
`gh … --help` of 2.97, `curl --help`. An option is written with its aliases; `!` must be given, `?` takes no value, `*`
takes several.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Values: TypeAlias = Literal["one", "none", "many"]
OF_AZ = "--output/-o --query --subscription --only-show-errors?"
OF_AZD = "--environment/-e --no-prompt? --cwd/-C --debug?"
MARKS: dict[str, Values] = {"?": "none", "*": "many"}


@dataclass(frozen=True)
class Option:
    name: str
    values: Values
    required: bool


@dataclass(frozen=True)
class Command:
    """`positional` are the numbers of arguments without a name that it takes."""

    name: str
    options: dict[str, Option]
    positional: range

    @property
    def required(self) -> set[str]:
        return {option.name for option in self.options.values() if option.required}


def _command(name: str, options: str, least: int = 0, most: int = 0) -> Command:
    common = {"az": OF_AZ, "azd": OF_AZD}.get(name.partition(" ")[0], "")
    known: dict[str, Option] = {}
    for text in f"{options} {common}".split():
        names = text.rstrip("!?*").split("/")
        values: Values = next((kind for mark, kind in MARKS.items() if text.endswith(mark)), "one")
        option = Option(names[0], values, text.endswith("!"))
        known |= dict.fromkeys(names, option)
    return Command(name, known, range(least, most + 1))


_APP = "--name/-n --resource-group/-g"
_ALL = (
    _command("az login", "--tenant/-t --allow-no-subscriptions? --use-device-code?"),
    _command("az account get-access-token", "--scope* --resource --tenant/-t"),
    _command("az provider register", "--namespace/-n! --wait?"),
    _command("az bicep install", "--version/-v"),
    _command("az group create", "--name/-n! --location/-l! --tags*"),
    _command(
        "az deployment group create", "--resource-group/-g! --name/-n --template-file/-f --parameters/-p*"
    ),
    _command("az deployment group show", "--resource-group/-g! --name/-n!"),
    _command("az resource delete", "--resource-group/-g --resource-type --name/-n --ids*"),
    _command("az functionapp list-flexconsumption-locations", "--runtime --zone-redundant --show-details"),
    _command("az functionapp deployment source config-zip", f"{_APP} --src! --build-remote --timeout/-t"),
    _command("az functionapp keys list", "--name/-n! --resource-group/-g!"),
    _command(
        "az functionapp keys set", "--name/-n! --resource-group/-g! --key-name! --key-type! --key-value"
    ),
    _command("az functionapp restart", _APP),
    _command("az functionapp stop", _APP),
    _command("az ad app create", "--display-name! --sign-in-audience"),
    _command("az ad app delete", "--id!"),
    _command("az ad app federated-credential create", "--id! --parameters!"),
    _command("az ad sp create", "--id!"),
    _command("az role assignment create", "--role! --scope! --assignee --assignee-object-id"),
    _command("az rest", "--method/-m --url/--uri/-u! --body/-b --headers* --resource"),
    _command("az keyvault list-deleted", "--resource-type"),
    _command("az keyvault recover", "--name/-n --location/-l --resource-group/-g"),
    _command("az storage account revoke-delegation-keys", _APP),
    _command("az storage container create", "--name/-n! --account-name --auth-mode"),
    _command(
        "az storage blob upload",
        "--container-name/-c --name/-n --file/-f --account-name --auth-mode --overwrite?",
    ),
    _command(
        "az storage entity query",
        "--table-name/-t! --account-name --auth-mode --filter --num-results --select*",
    ),
    _command("azd auth login", "--tenant-id --use-device-code?"),
    _command("azd env new", "--location/-l --subscription", 1, 1),
    _command("azd env set", "--file", 2, 2),
    _command("azd env get-value", "", 1, 1),
    _command("azd env get-values", ""),
    _command("azd env refresh", "--hint --layer", 0, 1),
    _command("azd up", "--location/-l --subscription"),
    _command("azd provision", "--preview? --no-state?", 0, 1),
    _command("azd deploy", "--all? --from-package", 0, 1),
    _command("azd down", "--force? --purge?", 0, 1),
    _command("gh api", "--method/-X", 1, 1),
    _command("gh variable set", "--env/-e --body/-b --repo/-R", 1, 1),
    _command("gh workflow run", "--ref/-r --repo/-R", 1, 1),
    _command("curl", "--include/-i? --header/-H* --request/-X --data/-d", 1, 1),
)
COMMANDS = {command.name: command for command in _ALL}
PROGRAMS = tuple(sorted({name.partition(" ")[0] for name in COMMANDS}))
