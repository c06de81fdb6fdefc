"use strict";

// The page writes the address on the tag that loads this file.
const updateUrl = document.currentScript.dataset.updateUrl;

// An answer that takes longer than ten seconds will not come.
const options = { dataType: "json", timeout: 10_000 };

const unconfirmed =
  "We could not confirm that your balance was saved. Reload the page to see.";

function historyRow(entry) {
  const date = $("<time>").attr("datetime", entry.date).text(entry.date);
  return $("<tr>").append(
    $("<td>").append(date),
    $("<td>").text(entry.balance_text),
    $("<td>").text(entry.bitcoin ?? "–"),
  );
}

function showHistory(answer) {
  const rows = answer.history.map(historyRow);
  rows.at(-1).attr({ id: "latest", "aria-current": "true" });
  $("#balances").empty().append(rows);
  $("#price").text(answer.price);
}

function showSaved(answer) {
  const latest = answer.history.at(-1);
  showHistory(answer);
  $("#saved").text(`Saved: ${latest.balance_text} on ${latest.date}.`);
  $("#balance").val("").removeAttr("aria-invalid");
}

function showRefusal(response) {
  $("#error").text(response.responseJSON?.error ?? unconfirmed);
  $("#balance").attr("aria-invalid", "true");
}

// Two answers at once would overwrite each other's cookie, so the tabs take turns.
function takeTurns(send) {
  return navigator.locks ? navigator.locks.request("balances", send) : send();
}

async function saveBalance(event) {
  event.preventDefault();
  const data = $(this).serialize();
  const button = $(this).find("button").prop("disabled", true);
  $("#error, #saved").text("");
  try {
    showSaved(await takeTurns(() => $.post({ url: updateUrl, data, ...options })));
  } catch (response) {
    showRefusal(response);
  }
  button.prop("disabled", false);
  $("#balance").trigger("focus");
}

$("#balance").closest("form").on("submit", saveBalance);
