"use strict";

const unconfirmed =
  "We could not confirm that your balance was saved. Reload the page to see.";

function historyRow(entry) {
  const date = $("<time>").attr("datetime", entry.date).text(entry.date);
  const cells = [
    $("<td>").append(date),
    $("<td>").text(entry.balance_text),
    $("<td>").text(entry.bitcoin ?? "–"),
  ];
  return $("<tr>").toggleClass("negative", entry.balance < 0).append(cells);
}

function showSaved({ history, price }) {
  const rows = history.map(historyRow);
  const latest = history.at(-1).balance_text;
  rows.at(-1).attr({ id: "latest", "aria-current": "true" });
  $("#balances").empty().append(rows);
  $("#current").text(latest);
  $("#price").text(price);
  $("#saved").text(`Saved: ${latest}.`);
  $("#balance").val("").removeAttr("aria-invalid");
}

function showError(response) {
  $("#error").text(response.responseJSON?.error ?? unconfirmed);
  $("#balance").attr("aria-invalid", "true");
}

// Two answers at once would overwrite each other's cookie, so the tabs take turns.
function takeTurns(send) {
  return navigator.locks ? navigator.locks.request("balances", send) : send();
}

async function saveBalance(event) {
  event.preventDefault();
  const sent = { url: "api/update", data: $(this).serialize(), timeout: 10_000 };
  const button = $("button", this).prop("disabled", true);
  const field = $("#balance").prop("readonly", true);
  $("#error, #saved").text("");
  try {
    showSaved(await takeTurns(() => $.post(sent)));
  } catch (response) {
    showError(response);
  }
  button.prop("disabled", false);
  field.prop("readonly", false).trigger("focus");
}

$("#balance").closest("form").on("submit", saveBalance);
