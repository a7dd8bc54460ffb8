// Batches: the table, one of them, several side by side, and the dialog that starts one.

import './batches.css';

import { useEffect } from 'preact/hooks';

import { place } from '../router';
import { BatchCompare } from './batch-compare';
import { BatchDetail } from './batch-detail';
import { BatchList } from './batch-list';
import { CancelDialog, notice, NoticeBox } from './batch-parts';
import { StartDialog } from './batch-start';

export function Batches() {
  const { path, query } = place.value;
  const id = path[1];
  const compared = query.get('compare');
  // What was told is about the view that is left.
  useEffect(() => () => void (notice.value = null), [id, compared === null]);
  return (
    <div class="batches-page">
      <NoticeBox />
      {id !== undefined ? (
        <BatchDetail key={id} id={id} />
      ) : compared !== null ? (
        <BatchCompare ids={compared.split(',').filter(Boolean)} />
      ) : (
        <BatchList />
      )}
      {query.has('start') && <StartDialog from={query.get('from')} />}
      <CancelDialog />
    </div>
  );
}
