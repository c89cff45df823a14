"""Kaggle's API: the SDK of the `kaggle` client with limits on waiting, retries, and errors that a person can act on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mlebench.errors import NotOnKaggle, RangeRefused, RulesNotAccepted, UsageError, WorkFailed
from mlebench.kaggle.connection import bound_waiting, problem_of
from mlebench.kaggle.credentials import HOW_TO, Credentials, find_credentials
from mlebench.kaggle.listing import Listing, slug_in
from mlebench.kaggle.patience import Patience

if TYPE_CHECKING:
    import requests

Result = TypeVar("Result")

_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
_BOARD_PAGE = 200
_LIST_PAGE = 100
_FILE_PAGE = 200


def rules_page(competition_id: str) -> str:
    """The page on which the rules are accepted."""
    return f"https://www.kaggle.com/competitions/{competition_id}/rules"


class KaggleService:
    """One signed-in connection; for one thread at a time."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        """Use `credentials`, by default those that are found on this machine.

        Raises:
            UsageError: if there are none.
        """
        from kagglesdk.competitions.services.competition_api_service import CompetitionApiClient
        from kagglesdk.kaggle_http_client import KaggleHttpClient
        from kagglesdk.kernels.services.kernels_api_service import KernelsApiClient

        self._credentials = credentials or find_credentials()
        self._http = KaggleHttpClient(
            username=self._credentials.username, password=self._credentials.key, api_token=self._credentials.token
        )
        bound_waiting(self._http)
        self._api = CompetitionApiClient(self._http)
        self._kernels = KernelsApiClient(self._http)

    def entered(self, patience: Patience) -> set[str]:
        """Ids of the competitions that the account has joined; the request also shows whether the credentials are accepted."""
        from kagglesdk.competitions.types.competition_enums import CompetitionListTab

        listed = self._list(patience, group=CompetitionListTab.COMPETITION_LIST_TAB_ENTERED)
        return {slug_in(entry.ref) for entry in listed}

    def team_count(self, competition_id: str, patience: Patience) -> int:
        """Number of teams; 0 if Kaggle does not tell."""
        try:
            return self.competition_facts(competition_id, patience).teams
        except NotOnKaggle:
            return 0

    def competition_facts(self, competition_id: str, patience: Patience) -> Listing:
        """What Kaggle lists about a competition.

        Where its own entry is not shown or counts no teams, the list of competitions is searched as well.

        Raises:
            NotOnKaggle: neither shows it to this account.
        """
        from kagglesdk.competitions.types.competition_api_service import ApiGetCompetitionRequest

        request = ApiGetCompetitionRequest()
        request.competition_name = competition_id
        refusal: NotOnKaggle | None = None
        found: Listing | None = None
        try:
            found = Listing.of(self._call(lambda: self._api.get_competition(request), competition_id, patience))
        except NotOnKaggle as error:
            refusal = error
        if found is None or not found.teams:
            entries = map(Listing.of, self._list(patience, search=competition_id))
            found = next((entry for entry in entries if entry.id == competition_id), found)
        if found is None:
            raise refusal or NotOnKaggle(f"Kaggle does not show {competition_id} to this account")
        return found

    def competitions(self, patience: Patience, *, entered: bool) -> Iterator[Listing]:
        """The competitions that the account has joined, or all that are public, those with the latest deadline first."""
        from kagglesdk.competitions.types.competition_enums import CompetitionListTab, CompetitionSortBy

        tab = CompetitionListTab.COMPETITION_LIST_TAB_ENTERED if entered else CompetitionListTab.COMPETITION_LIST_TAB_GENERAL
        order = CompetitionSortBy.COMPETITION_SORT_BY_LATEST_DEADLINE
        for entry in self._list(patience, group=tab, sort_by=order):
            yield Listing.of(entry)

    def data_files(self, competition_id: str, patience: Patience) -> Iterator[tuple[str, int]]:
        """Name and bytes of every data file, page after page."""
        from kagglesdk.competitions.types.competition_api_service import ApiListDataFilesRequest

        request = ApiListDataFilesRequest()
        request.competition_name, request.page_size = competition_id, _FILE_PAGE
        for page in self._each_page(self._api.list_data_files, request, competition_id, patience):
            for file in page.files or ():
                yield file.name or "", int(file.total_bytes or 0)

    def board_rows(self, competition_id: str, patience: Patience) -> Iterator[Any]:
        """Every row of the private leaderboard, page after page: `team_id`, `team_name`, `submission_date`, `score`."""
        from kagglesdk.competitions.types.competition_api_service import ApiGetLeaderboardRequest

        request = ApiGetLeaderboardRequest()
        request.competition_name, request.page_size = competition_id, _BOARD_PAGE
        for page in self._each_page(self._api.get_leaderboard, request, competition_id, patience):
            yield from page.submissions or ()

    def pages(self, competition_id: str, patience: Patience) -> list[Any]:
        """The competition's published pages: `name`, `content`, `mime_type`."""
        from kagglesdk.competitions.types.competition_api_service import ApiListCompetitionPagesRequest

        request = ApiListCompetitionPagesRequest()
        request.competition_name = competition_id
        return list(self._call(lambda: self._api.list_competition_pages(request), competition_id, patience).pages or ())

    def notebooks(self, competition_id: str, sort_by: str, patience: Patience) -> Iterator[Any]:
        """The public notebooks and scripts of a competition, page after page: `ref`, `title`, `total_votes`, `last_run_time`, ….

        Args:
            competition_id: the competition.
            sort_by: the name of a `KernelsListSortType`, such as `VOTE_COUNT`.
            patience: for failures in a row.
        """
        from kagglesdk.kernels.types.kernels_api_service import ApiListKernelsRequest
        from kagglesdk.kernels.types.kernels_enums import KernelsListSortType, KernelsListViewType

        request = ApiListKernelsRequest()
        request.competition, request.page_size = competition_id, _LIST_PAGE
        request.group, request.sort_by = KernelsListViewType.EVERYONE, KernelsListSortType[sort_by]
        request.language = request.kernel_type = request.output_type = "all"
        for page in self._each_page(self._kernels.list_kernels, request, competition_id, patience):
            yield from page.kernels or ()

    def notebook(self, owner: str, slug: str, patience: Patience) -> Any:
        """The code of a notebook: `source`, `language`, `kernel_type`.

        Raises:
            NotOnKaggle: there is none, or not for this account.
        """
        from kagglesdk.kernels.types.kernels_api_service import ApiGetKernelRequest

        request = ApiGetKernelRequest()
        request.user_name, request.kernel_slug = owner, slug
        answer = self._call(lambda: self._kernels.get_kernel(request), None, patience, f"the notebook {owner}/{slug}")
        patience.progressed()
        return answer.blob

    def open_download(
        self, competition_id: str, patience: Patience, *, offset: int = 0, validator: str | None = None
    ) -> requests.Response:
        """The competition's zip, not read yet; the caller closes it.

        Args:
            competition_id: the competition.
            patience: for failures in a row.
            offset: bytes that are there already; the answer has status 206 if it goes on from there.
            validator: ETag or date of those bytes, so that a file that has changed is sent whole.

        Raises:
            RangeRefused: if the file is shorter than `offset`.
            RulesNotAccepted, NotOnKaggle: as they say.
        """
        from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

        request = ApiDownloadDataFilesRequest()
        request.competition_name = competition_id
        headers = self._http._session.headers
        # they travel with the redirect to where the file lies
        wanted = {"Range": f"bytes={offset}-" if offset else None, "If-Range": validator if offset else None}
        headers.update({name: value for name, value in wanted.items() if value})
        try:
            response: requests.Response = self._call(partial(self._api.download_data_files, request), competition_id, patience)
        finally:
            for name in wanted:
                headers.pop(name, None)
        return response

    def _list(self, patience: Patience, **filters: Any) -> Iterator[Any]:
        from kagglesdk.competitions.types.competition_api_service import ApiListCompetitionsRequest

        request = ApiListCompetitionsRequest()
        for name, value in filters.items():
            setattr(request, name, value)
        request.page_size = _LIST_PAGE

        def ask(of_page: Any) -> Any:
            numbered = copy(of_page)
            # a number and a token would name two pages
            if not of_page.page_token:
                numbered.page = 1
            return self._api.list_competitions(numbered)

        for page in self._each_page(ask, request, None, patience):
            yield from page.competitions or ()

    def _each_page(
        self, ask: Callable[[Any], Any], request: Any, competition_id: str | None, patience: Patience
    ) -> Iterator[Any]:
        """The answers to a request, page after page; ends where Kaggle names no further page, or one that was asked for."""
        token = ""
        seen = set()
        while token not in seen:
            seen.add(token)
            request.page_token = token
            page = self._call(partial(ask, request), competition_id, patience)
            patience.progressed()
            yield page
            token = page.next_page_token
            if not token:
                return

    def _call(
        self,
        work: Callable[[], Result],
        competition_id: str | None,
        patience: Patience,
        notebook: str | None = None,
    ) -> Result:
        """What a request answers; it is about a competition, a notebook, or neither."""
        import requests

        while True:
            try:
                return work()
            except requests.HTTPError as error:
                status = _status(error)
                if status in _TRANSIENT:
                    patience.wait_after(f"Kaggle answered {status}", _retry_after(error))
                elif _is_redirected(error) and status != 416:
                    # a link that has run out, and nothing about the account: each try gets a fresh one
                    patience.wait_after(f"the download link returned {status}")
                else:
                    raise self._explain(error, status, competition_id, notebook) from None
            except requests.exceptions.JSONDecodeError:
                raise WorkFailed("the response is not from Kaggle's API; check proxy and network, then try again") from None
            except requests.RequestException as error:
                patience.wait_after(problem_of(error))

    def _explain(self, error: requests.HTTPError, status: int, competition_id: str | None, notebook: str | None) -> Exception:
        subject = competition_id or notebook or "the list of competitions"
        said = str(error).splitlines()[0] if str(error) else f"status {status}"
        if status == 401:
            return UsageError(f"Kaggle rejects the credentials from {self._credentials.source}; {HOW_TO}")
        if status == 403 and competition_id:
            return RulesNotAccepted(
                f"Kaggle denies access to {subject} ({said}); accept its rules at {rules_page(competition_id)}"
            )
        if status == 416:
            return RangeRefused(f"Kaggle's copy of {subject} ends before the requested part")
        if status in (404, 405, 501) or (status == 403 and notebook):
            return NotOnKaggle(f"Kaggle does not show {subject} to this account ({said})")
        return WorkFailed(f"Kaggle rejects the request for {subject} ({said})")


def _status(error: requests.HTTPError) -> int:
    if error.response is None:
        return 500
    status = int(error.response.status_code)
    if status >= 400:
        return status
    try:
        return int(error.response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return 500


def _is_redirected(error: requests.HTTPError) -> bool:
    return error.response is not None and bool(error.response.history)


def _retry_after(error: requests.HTTPError) -> str | None:
    return error.response.headers.get("Retry-After") if error.response is not None else None
